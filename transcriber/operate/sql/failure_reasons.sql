-- The failures of failures.sql, counted. One row per status, code and error.
select
    transcription_failures.status,
    transcription_failures.error_code,
    transcription_failures.error,
    count(*) as files
from media_pipeline.transcription_failures
where
    (
        %(statuses)s::text[] is null
        or transcription_failures.status = any(%(statuses)s::text[])
    )
    and (
        %(campaign)s::text is null
        or exists (
            select from media_pipeline.audio_files
            where
                audio_files.id = transcription_failures.audio_file_id
                and audio_files.campaign_name = %(campaign)s::text
        )
    )
    and not exists (
        select from media_pipeline.transcriptions
        where
            transcriptions.audio_file_id = transcription_failures.audio_file_id
            and transcriptions.status = 'completed'
    )
group by
    transcription_failures.status,
    transcription_failures.error_code,
    transcription_failures.error
