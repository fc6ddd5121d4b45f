select
    ---------- ids
    audio_file_id,

    ---------- text
    status as failure_status,

    ---------- timestamps
    ignore_until
from {{ source('media_pipeline', 'transcription_failures') }}
