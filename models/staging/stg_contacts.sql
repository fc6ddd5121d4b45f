select
    ---------- ids
    contact_id,
    campaign_id,

    ---------- text
    typed_phone,
    {{ normalized_phone('typed_phone') }} as phone
-- no CTE: the planner would normalise every contact's phone before it joins a few
from (
    select
        -- whatever collations the columns have: a join of two kinds is an error
        "$id"::text collate "default" as contact_id,
        "$campaign_id"::text collate "default" as campaign_id,
        "$phone"::text collate "default" as typed_phone
    from {{ source('dialer', 'contacts') }}
) as contacts
