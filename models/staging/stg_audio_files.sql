select
    ---------- ids
    id,
    recording_id,

    ---------- text
    url,

    ---------- its row of public.recordings, where it comes from there
    case
        when source_table = 'public.recordings' then source_row_id
    end as recording_row_id
from {{ source('media_pipeline', 'audio_files') }}
