{{ config(materialized='insert_only', post_hook='{{ renumber_phones(this) }}') }}

with

recordings as (
    select * from {{ ref('int_numbered_recordings') }}
),

campaign_map as (
    select * from {{ ref('stg_campaign_map') }}
),

campaign_names as (
    select
        campaign_id,
        -- By code points: the first name must not depend on the database's language.
        min(campaign_name collate "C") as campaign_name
    from campaign_map
    group by campaign_id
)

select
    recordings.phone,
    coalesce(
        campaign_names.campaign_name, {{ text_literal(default_campaign_name()) }}
    ) as campaign_name,
    recordings.recording_id,
    recordings.url,
    media_pipeline.url_sha1(recordings.url) as url_sha1,
    recordings.started,
    recordings.stopped,
    {{ duration_seconds('recordings.started', 'recordings.stopped') }}
        as duration_seconds,
    recordings.index_in_phone,
    'public.recordings' as source_table,
    recordings.source_row_id
from recordings
left join campaign_names on recordings.campaign_id = campaign_names.campaign_id
order by recordings.source_row_id
