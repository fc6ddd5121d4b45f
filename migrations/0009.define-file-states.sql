-- one definition each: a live claim, a file that a failure holds back, a file's state
-- depends: 0008.index-unfinished-audio-files

-- A claim counts until it expires; one without an expiry counts for ever.
create or replace view media_pipeline.live_claims as
select
    transcription_claims.audio_file_id,
    transcription_claims.claimed_by,
    transcription_claims.claimed_at,
    transcription_claims.expires_at
from media_pipeline.transcription_claims
where
    transcription_claims.expires_at is null
    or transcription_claims.expires_at > now();

-- Files that are not tried now: after a permanent failure never again (next_try_at is
-- null), after a transient one not before next_try_at. Year 9000 stands for infinity,
-- which Python and other clients cannot read.
create or replace view media_pipeline.held_back_files as
select
    transcription_failures.audio_file_id,
    case
        when coalesce(transcription_failures.status != 'permanent', true)
            then least(transcription_failures.ignore_until, '9000-01-01'::timestamptz)
    end as next_try_at
from media_pipeline.transcription_failures
where
    transcription_failures.status = 'permanent'
    or transcription_failures.ignore_until > now();

-- What a pending row's metadata says: its place in the queue. An index takes the first
-- 500 characters of a campaign's name. PostgreSQL inlines the function.
create or replace function media_pipeline.queue_entry(
    started timestamptz,
    created_at timestamptz,
    campaign_name text
) returns jsonb language sql stable parallel safe as $function$
    select jsonb_build_object(
        'queue',
        jsonb_build_object(
            'started', extract(epoch from coalesce(started, created_at)),
            'campaign', left(campaign_name, 500)
        )
    )
$function$;

-- The queue: what queue_entry wrote, as columns. `started` is in seconds since 1970,
-- and null where another program wrote the row. This view and the next have only
-- transcriptions in their from clauses, so that `for no key update` of them locks the
-- row whose change means "done", and nothing else.
create or replace view media_pipeline.queued_files as
select
    transcriptions.audio_file_id,
    transcriptions.metadata #>> '{queue,campaign}' as campaign_name,
    (transcriptions.metadata #>> '{queue,started}')::double precision as started
from media_pipeline.transcriptions
where transcriptions.status = 'pending';

-- The files that a worker may claim now.
create or replace view media_pipeline.claimable_files as
select
    queued_files.audio_file_id,
    queued_files.campaign_name,
    queued_files.started,
    (
        select audio_files.duration_seconds
        from media_pipeline.audio_files
        where audio_files.id = queued_files.audio_file_id
    ) as duration_seconds
from media_pipeline.queued_files
where
    not exists (
        select from media_pipeline.live_claims
        where live_claims.audio_file_id = queued_files.audio_file_id
    );

-- Every audio file in one state. `other` is a status that only another program knows;
-- next_try_at is known of files that are cooling down.
create or replace view media_pipeline.file_states as
select
    audio_files.id as audio_file_id,
    case
        when transcriptions.status = 'completed' then 'completed'
        when transcriptions.status not in ('pending', 'failed') then 'other'
        when held_back_files.next_try_at is not null then 'cooling_down'
        when held_back_files.audio_file_id is not null then 'failed'
        when live_claims.audio_file_id is not null then 'claimed'
        when transcriptions.status is null then 'not_queued'
        else 'pending'
    end as state,
    case
        when coalesce(transcriptions.status, 'pending') in ('pending', 'failed')
            then held_back_files.next_try_at
    end as next_try_at
from media_pipeline.audio_files
left join media_pipeline.transcriptions
    on audio_files.id = transcriptions.audio_file_id
left join media_pipeline.held_back_files
    on audio_files.id = held_back_files.audio_file_id
left join media_pipeline.live_claims
    on audio_files.id = live_claims.audio_file_id;
