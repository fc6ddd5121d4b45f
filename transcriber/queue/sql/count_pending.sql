-- Count what a run may claim, by the same filters, and add up its sound: a run's
-- progress is measured against it. One row.
select
    count(*) as files,
    coalesce(sum(audio_files.duration_seconds), 0) as audio_seconds
from media_pipeline.claimable_files
inner join media_pipeline.audio_files
    on claimable_files.audio_file_id = audio_files.id
where
    true
    -- include: selection.part.sql
