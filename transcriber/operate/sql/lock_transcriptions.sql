-- Let no worker claim, finish or fail these files until the transaction ends. Every
-- statement of transcriber locks transcriptions before claims, by ascending id.
select transcriptions.audio_file_id
from media_pipeline.transcriptions
where transcriptions.audio_file_id = any(%(audio_file_ids)s::bigint[])
order by transcriptions.audio_file_id
for no key update
