-- How many files are to do: what a run's progress is measured against.
select count(*) as files
from media_pipeline.transcriptions
where
    transcriptions.status = 'pending'
    and (
        %(campaign)s::text is null
        or (transcriptions.metadata #>> '{queue,campaign}') = %(campaign)s::text
    )
