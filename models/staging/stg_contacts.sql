select
    ---------- ids
    contact_id,
    campaign_id,

    ---------- text
    typed_phone,
    {{ normalized_phone('typed_phone') }} as phone
-- Not a CTE: PostgreSQL would normalise every contact's phone before it joins a few.
from (
    select
        -- One collation for all: PostgreSQL refuses to join texts of two collations.
        "$id"::text collate "default" as contact_id,
        "$campaign_id"::text collate "default" as campaign_id,
        "$phone"::text collate "default" as typed_phone
    from {{ source('dialer', 'contacts') }}
) as contacts
