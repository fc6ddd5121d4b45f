-- Count the files that need no work any more, and those of them that were completed in
-- the last `seconds`. One row per status: 'completed', and what other programs wrote.
with finished_files as (
    select
        transcriptions.status,
        -- A JSON path, because other programs may have written something else there.
        jsonb_path_query_first(
            transcriptions.metadata,
            '$.audio.duration_seconds ? (@.type() == "number")'
        )::double precision as audio_seconds,
        transcriptions.completed_at > now() - make_interval(secs => %(seconds)s)
            as is_recent
    from media_pipeline.transcriptions
    where transcriptions.status not in ('pending', 'failed')
)

select
    finished_files.status,
    count(*) as files,
    sum(finished_files.audio_seconds) as audio_seconds,
    count(*) filter (where finished_files.is_recent) as recent_files,
    sum(finished_files.audio_seconds) filter (where finished_files.is_recent)
        as recent_audio_seconds
from finished_files
group by finished_files.status
