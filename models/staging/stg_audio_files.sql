select
    ---------- ids
    id,
    recording_id,

    ---------- text
    phone,
    url,

    ---------- numerics
    index_in_phone,

    ---------- timestamps
    started,

    ---------- the row of public.recordings, null for files of other programs
    case
        when source_table = 'public.recordings' then source_row_id
    end as recording_row_id
from {{ source('media_pipeline', 'audio_files') }}
