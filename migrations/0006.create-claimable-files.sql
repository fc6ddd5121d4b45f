-- the files that a worker may claim now, with what it may choose them by
-- depends: 0005.create-provider-pauses

-- Only transcriptions is in its from clause, so that `for no key update` of the view
-- locks the row whose change means "done", and nothing else.
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
