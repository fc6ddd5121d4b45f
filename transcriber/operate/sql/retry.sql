-- Forget these failures, unless there is a newer one by now or somebody works on the
-- file; their files take their old places in the queue. One row: how many. The files
-- are locked.
with forgotten_failures as (
    delete from media_pipeline.transcription_failures
    using
        unnest(%(audio_file_ids)s::bigint[], %(last_attempts)s::timestamptz[])
            as chosen_failures (audio_file_id, last_attempt_at)
    where
        transcription_failures.audio_file_id = chosen_failures.audio_file_id
        and transcription_failures.last_attempt_at = chosen_failures.last_attempt_at
        and not exists (
            select from media_pipeline.transcription_claims
            where
                transcription_claims.audio_file_id = chosen_failures.audio_file_id
                and (
                    transcription_claims.expires_at is null
                    or transcription_claims.expires_at > now()
                )
        )
    returning transcription_failures.audio_file_id
),

pending_files as (
    update media_pipeline.transcriptions
    set status = 'pending'
    from forgotten_failures
    where
        transcriptions.audio_file_id = forgotten_failures.audio_file_id
        and transcriptions.status = 'failed'
)

select count(*) as retried from forgotten_failures
