select
    ---------- ids
    id::bigint as source_row_id,
    contact_id::text collate "default" as contact_id,

    ---------- text
    location::text collate "default" as url,
    {{ text_of('started') }} as started_text,
    {{ text_of('stopped') }} as stopped_text
from {{ source('dialer', 'recordings') }}
