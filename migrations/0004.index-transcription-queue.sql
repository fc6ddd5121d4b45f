-- the queue: the pending rows of transcriptions, in the order of the calls
-- depends: 0003.create-try-timestamptz
-- transactional: false

-- A pending row's metadata says {"queue": {"started": epoch, "campaign": name}}:
-- no index on audio_files can know what is pending, and the table keeps the columns
-- that integrators know. The transcript's own metadata takes its place.

-- built without a lock that stops writers, since an adopted table may be large; a build
-- that was killed leaves an invalid index, which `if not exists` would keep
drop index concurrently if exists media_pipeline.ix_transcriptions_queue;

-- claim: the newest or the oldest files, at the same cost however many are done
create index concurrently if not exists ix_transcriptions_queue
on media_pipeline.transcriptions (
    ((metadata #>> '{queue,started}')::double precision), audio_file_id
)
where status = 'pending';

drop index concurrently if exists media_pipeline.ix_transcriptions_queue_campaign;

-- claim --campaign: the same of one campaign
create index concurrently if not exists ix_transcriptions_queue_campaign
on media_pipeline.transcriptions (
    (metadata #>> '{queue,campaign}'),
    ((metadata #>> '{queue,started}')::double precision),
    audio_file_id
)
where status = 'pending';

drop index concurrently if exists media_pipeline.ix_transcriptions_failed;

-- reconcile: failed files that may be tried again
create index concurrently if not exists ix_transcriptions_failed
on media_pipeline.transcriptions (audio_file_id)
where status = 'failed';

drop index concurrently if exists media_pipeline.ix_transcription_failures_due;

-- wake: failures whose cooldown is over
create index concurrently if not exists ix_transcription_failures_due
on media_pipeline.transcription_failures (ignore_until)
where status = 'transient' and ignore_until is not null;
