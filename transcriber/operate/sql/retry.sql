-- Delete the chosen failures, except those of files that a worker has claimed and those
-- that a newer failure has replaced meanwhile, and make their files pending. The files
-- keep their position in the queue. The caller has locked them. One row: how many
-- failures were deleted.
with forgotten_failures as (
    delete from media_pipeline.transcription_failures
    using
        unnest(%(audio_file_ids)s::bigint[], %(last_attempts)s::timestamptz[])
            as chosen_failures (audio_file_id, last_attempt_at)
    where
        transcription_failures.audio_file_id = chosen_failures.audio_file_id
        and transcription_failures.last_attempt_at = chosen_failures.last_attempt_at
        and not exists (
            select from media_pipeline.live_claims
            where live_claims.audio_file_id = chosen_failures.audio_file_id
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
