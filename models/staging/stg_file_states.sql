select
    ---------- ids
    audio_file_id,

    ---------- text
    state
from {{ source('media_pipeline', 'file_states') }}
