with

-- whatever collations the columns have: a join of two different ones is an error
contacts as (
    select
        "$id"::text collate "default" as contact_id,
        "$campaign_id"::text collate "default" as campaign_id,
        "$phone"::text collate "default" as typed_phone
    from {{ source('dialer', 'contacts') }}
)

select
    ---------- ids
    contact_id,
    campaign_id,

    ---------- text
    {{ normalized_phone('typed_phone') }} as phone,

    ---------- booleans
    -- no index takes thousands of digits, and one such contact would end the whole load
    coalesce(
        typed_phone ~ '[0-9]'
        and (
            length(typed_phone) <= 1000
            or length({{ normalized_phone('typed_phone') }}) <= 1000
        ),
        false
    ) as has_phone
from contacts
