-- The failures that an operator chooses: those that match each filter that is given. The
-- failure of a completed file does not count; another program may have left it there.
and (
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
