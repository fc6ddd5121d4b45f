-- Make pending again the files whose cooldown is over. One row: how many.
with due_failures as materialized (
    select transcription_failures.audio_file_id
    from media_pipeline.transcription_failures
    where
        transcription_failures.status = 'transient'
        and transcription_failures.ignore_until <= now()
    order by transcription_failures.ignore_until
    limit 1000
),

locked_transcriptions as materialized (
    select
        transcriptions.audio_file_id,
        transcriptions.status
    from media_pipeline.transcriptions
    where
        transcriptions.audio_file_id in (
            select due_failures.audio_file_id from due_failures
        )
    order by transcriptions.audio_file_id
    for no key update skip locked
),

woken_files as (
    update media_pipeline.transcriptions
    set status = 'pending'
    from locked_transcriptions
    where
        transcriptions.audio_file_id = locked_transcriptions.audio_file_id
        and transcriptions.status = 'failed'
),

-- Clear ignore_until so that the row leaves the index of due failures; without it a
-- failure no longer holds its file back.
ended_cooldowns as (
    update media_pipeline.transcription_failures
    set ignore_until = null
    from locked_transcriptions
    where
        transcription_failures.audio_file_id = locked_transcriptions.audio_file_id
        and transcription_failures.status = 'transient'
        and transcription_failures.ignore_until <= now()
        and locked_transcriptions.status != 'completed'
    returning transcription_failures.audio_file_id
),

-- These were recorded while a completion was on its way, which could not see them.
outdated_failures as (
    delete from media_pipeline.transcription_failures
    using locked_transcriptions
    where
        transcription_failures.audio_file_id = locked_transcriptions.audio_file_id
        and transcription_failures.status = 'transient'
        and transcription_failures.ignore_until <= now()
        and locked_transcriptions.status = 'completed'
)

select count(*) as woken from ended_cooldowns
