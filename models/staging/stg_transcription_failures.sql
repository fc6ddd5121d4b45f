select audio_file_id
from {{ source('media_pipeline', 'transcription_failures') }}
