select
    ---------- ids
    "$id"::text as contact_id,
    "$campaign_id"::text as campaign_id,

    ---------- text
    {{ normalized_phone('"$phone"::text') }} as phone,

    ---------- booleans
    coalesce("$phone"::text ~ '[0-9]', false) as has_phone
from {{ source('dialer', 'contacts') }}
