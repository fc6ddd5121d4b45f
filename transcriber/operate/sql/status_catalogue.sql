-- Count the files of the catalogue, and find the highest id in the queue. One row.
select
    count(*) as files,
    (
        select coalesce(max(transcriptions.audio_file_id), 0)
        from media_pipeline.transcriptions
    ) as last_queued_id
from media_pipeline.audio_files
