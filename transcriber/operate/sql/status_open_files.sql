-- What is in the queue or held back from it. One row per state; a failed file's state
-- has a row per reason. Sums of the catalogue's durations where it has any.
--
-- A branch for each of the two partial indexes: `status in ('pending', 'failed')` reads
-- every transcript, 0.25 to 0.5 s more at a million.
with queued_files as (
    select transcriptions.audio_file_id
    from media_pipeline.transcriptions
    where transcriptions.status = 'pending'
    union all
    select transcriptions.audio_file_id
    from media_pipeline.transcriptions
    where transcriptions.status = 'failed'
),

judged_files as (
    select
        audio_files.duration_seconds,
        transcription_failures.error_code,
        transcription_failures.error,
        case
            when transcription_failures.status = 'permanent' then 'failed'
            when transcription_failures.ignore_until > now() then 'cooling_down'
            when transcription_claims.audio_file_id is not null then 'claimed'
            else 'pending'
        end as state,
        -- year 9000: Python knows no infinity
        least(transcription_failures.ignore_until, '9000-01-01'::timestamptz)
            as next_try_at
    from queued_files
    inner join media_pipeline.audio_files
        on queued_files.audio_file_id = audio_files.id
    left join media_pipeline.transcription_failures
        on queued_files.audio_file_id = transcription_failures.audio_file_id
    left join media_pipeline.transcription_claims
        on
            queued_files.audio_file_id = transcription_claims.audio_file_id
            and (
                transcription_claims.expires_at is null
                or transcription_claims.expires_at > now()
            )
),

explained_files as (
    select
        judged_files.state,
        judged_files.duration_seconds,
        case when judged_files.state = 'failed' then judged_files.error_code end
            as error_code,
        case when judged_files.state = 'failed' then judged_files.error end as error,
        case when judged_files.state = 'cooling_down' then judged_files.next_try_at end
            as next_try_at
    from judged_files
)

select
    explained_files.state,
    explained_files.error_code,
    explained_files.error,
    count(*) as files,
    sum(explained_files.duration_seconds) as audio_seconds,
    min(explained_files.next_try_at) as next_try_at
from explained_files
group by explained_files.state, explained_files.error_code, explained_files.error
