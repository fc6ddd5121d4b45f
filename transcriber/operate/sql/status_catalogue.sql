-- How large the catalogue is, and how far the queue has read it. One row.
select
    count(*) as files,
    (
        select coalesce(max(transcriptions.audio_file_id), 0)
        from media_pipeline.transcriptions
    ) as last_queued_id
from media_pipeline.audio_files
