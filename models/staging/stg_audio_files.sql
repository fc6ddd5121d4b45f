select
    ---------- ids
    id,
    recording_id,
    -- The row of public.recordings; null where another program inserted the file.
    case
        when source_table = 'public.recordings' then source_row_id
    end as recording_row_id,

    ---------- text
    phone,
    url,

    ---------- numerics
    index_in_phone,

    ---------- timestamps
    started
from {{ source('media_pipeline', 'audio_files') }}
