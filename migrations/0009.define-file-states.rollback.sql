-- Views hold nothing; claimable_files is made as migration 0006 made it.

-- dbt's views; the next `dbt build` makes them again.
drop view if exists media_pipeline.call_log;
drop view if exists media_pipeline.transcription_progress;

drop view if exists media_pipeline.file_states;

create or replace view media_pipeline.claimable_files as
select
    transcriptions.audio_file_id,
    transcriptions.metadata #>> '{queue,campaign}' as campaign_name,
    (transcriptions.metadata #>> '{queue,started}')::double precision as started,
    (
        select audio_files.duration_seconds
        from media_pipeline.audio_files
        where audio_files.id = transcriptions.audio_file_id
    ) as duration_seconds
from media_pipeline.transcriptions
where
    transcriptions.status = 'pending'
    and not exists (
        select from media_pipeline.transcription_claims
        where
            transcription_claims.audio_file_id = transcriptions.audio_file_id
            and (
                transcription_claims.expires_at is null
                or transcription_claims.expires_at > now()
            )
    );

drop view if exists media_pipeline.queued_files;
drop function if exists media_pipeline.queue_entry(timestamptz, timestamptz, text);
drop view if exists media_pipeline.held_back_files;
drop view if exists media_pipeline.live_claims;
