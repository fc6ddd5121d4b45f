-- Count the chosen failures. One row per status, code and error.
select
    transcription_failures.status,
    transcription_failures.error_code,
    transcription_failures.error,
    count(*) as files
from media_pipeline.transcription_failures
where
    true
    -- include: failure_filter.part.sql
group by
    transcription_failures.status,
    transcription_failures.error_code,
    transcription_failures.error
