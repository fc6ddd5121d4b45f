-- Keep others from claiming, finishing or failing these files until the transaction
-- ends. Lock order, here as everywhere: transcriptions rows first, ids ascending.
select transcriptions.audio_file_id
from media_pipeline.transcriptions
where transcriptions.audio_file_id = any(%(audio_file_ids)s::bigint[])
order by transcriptions.audio_file_id
for no key update
