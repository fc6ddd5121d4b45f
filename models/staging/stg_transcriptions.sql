select
    ---------- ids
    audio_file_id,

    ---------- text
    status as transcript_status,
    transcript_text
from {{ source('media_pipeline', 'transcriptions') }}
