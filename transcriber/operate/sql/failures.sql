-- Failures by whatever is given, the newest first. One row per file; a failure that
-- somebody left behind at a completed file is none.
select
    transcription_failures.audio_file_id,
    transcription_failures.status,
    transcription_failures.error_code,
    transcription_failures.error,
    transcription_failures.attempts,
    transcription_failures.last_attempt_at,
    -- year 9000: Python knows no infinity
    case
        when transcription_failures.status = 'permanent' then null
        when transcription_failures.ignore_until > now()
            then least(transcription_failures.ignore_until, '9000-01-01'::timestamptz)
    end as next_try_at,
    transcription_claims.audio_file_id is not null as is_claimed
from media_pipeline.transcription_failures
left join media_pipeline.transcription_claims
    on
        transcription_failures.audio_file_id = transcription_claims.audio_file_id
        and (
            transcription_claims.expires_at is null
            or transcription_claims.expires_at > now()
        )
where
    (
        %(statuses)s::text[] is null
        or transcription_failures.status = any(%(statuses)s::text[])
    )
    and (
        %(error)s::text is null
        or strpos(lower(transcription_failures.error), lower(%(error)s::text)) > 0
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
    and (
        %(audio_file_ids)s::bigint[] is null
        or transcription_failures.audio_file_id = any(%(audio_file_ids)s::bigint[])
    )
    and not exists (
        select from media_pipeline.transcriptions
        where
            transcriptions.audio_file_id = transcription_failures.audio_file_id
            and transcriptions.status = 'completed'
    )
order by
    transcription_failures.last_attempt_at desc,
    transcription_failures.audio_file_id desc
limit %(limit)s
