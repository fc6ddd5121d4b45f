-- What no run has queued yet, among the files with an id above `after_id`. One row.
select
    count(*) as files,
    sum(audio_files.duration_seconds) as audio_seconds
from media_pipeline.audio_files
where
    audio_files.id > %(after_id)s
    and not exists (
        select from media_pipeline.transcriptions
        where transcriptions.audio_file_id = audio_files.id
    )
