-- How many files are to do, and how much sound: what a run's progress is measured
-- against.
select
    count(*) as files,
    coalesce(
        sum((transcriptions.metadata #>> '{queue,audio_seconds}')::double precision), 0
    ) as audio_seconds
from media_pipeline.transcriptions
where
    transcriptions.status = 'pending'
    and (
        %(campaign)s::text is null
        or (transcriptions.metadata #>> '{queue,campaign}')
        = left(%(campaign)s::text, 500)
    )
