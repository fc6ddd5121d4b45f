{{ config(materialized='insert_only', post_hook='{{ renumber_phones(this) }}') }}

with

loadable_recordings as (
    select * from {{ ref('int_loadable_recordings') }}
),

campaign_map as (
    select * from {{ ref('stg_campaign_map') }}
),

-- with all they carry: what a window leaves is estimated at one row, no base for a join
calls_of_their_phones as (
    select
        null::bigint as id,
        null::integer as known_index,
        source_row_id,
        campaign_id,
        recording_id,
        phone,
        url,
        started,
        stopped
    from loadable_recordings
    union all
    select
        id,
        index_in_phone as known_index,
        null as source_row_id,
        null as campaign_id,
        null as recording_id,
        phone,
        null as url,
        started,
        null as stopped
    from {{ this }}
    where phone in (select loadable_recordings.phone from loadable_recordings)
),

numbered as (
    select
        *,
        row_number() over (
            partition by phone order by started nulls last, id nulls last, source_row_id
        ) as index_in_phone
    from calls_of_their_phones
),

checked as (
    select
        *,
        bool_or(id is not null and known_index is distinct from index_in_phone)
            over (partition by phone) as moves_known_calls
    from numbered
),

campaign_names as (
    select
        campaign_id,
        -- by code points: the database's language must not choose the name
        min(campaign_name collate "C") as campaign_name
    from campaign_map
    group by campaign_id
)

select
    checked.phone,
    coalesce(
        campaign_names.campaign_name, {{ text_literal(default_campaign_name()) }}
    ) as campaign_name,
    checked.recording_id,
    checked.url,
    media_pipeline.url_sha1(checked.url) as url_sha1,
    checked.started,
    checked.stopped,
    {{ duration_seconds('checked.started', 'checked.stopped') }} as duration_seconds,
    -- none where known calls move too: the post-hook numbers such a phone anew
    case
        when not checked.moves_known_calls then checked.index_in_phone::integer
    end as index_in_phone,
    'public.recordings' as source_table,
    checked.source_row_id
from checked
left join campaign_names on checked.campaign_id = campaign_names.campaign_id
where checked.id is null
order by checked.source_row_id
