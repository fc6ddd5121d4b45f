select
    ---------- ids
    audio_file_id,

    ---------- text
    status as transcript_status,
    transcript_text,
    b2_transcript_key
from {{ source('media_pipeline', 'transcriptions') }}
