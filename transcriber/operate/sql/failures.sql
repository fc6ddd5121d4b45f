-- List the chosen failures, the newest first. One row per file.
select
    transcription_failures.audio_file_id,
    transcription_failures.status,
    transcription_failures.error_code,
    transcription_failures.error,
    transcription_failures.attempts,
    transcription_failures.last_attempt_at,
    held_back_files.next_try_at,
    live_claims.audio_file_id is not null as is_claimed
from media_pipeline.transcription_failures
left join media_pipeline.held_back_files
    on transcription_failures.audio_file_id = held_back_files.audio_file_id
left join media_pipeline.live_claims
    on transcription_failures.audio_file_id = live_claims.audio_file_id
where
    true
    -- include: failure_filter.part.sql
order by
    transcription_failures.last_attempt_at desc,
    transcription_failures.audio_file_id desc
limit %(limit)s
