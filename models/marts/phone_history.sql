{{ config(materialized='in_place_view') }}

with

audio_files as (
    select * from {{ ref('audio_files') }}
)

select
    phone,
    campaign_name,
    count(*) as total_recordings,
    min(started) as first_call_time,
    max(started) as last_call_time,
    string_agg(url, e'\n' order by started nulls last, id) as recording_urls
from audio_files
group by phone, campaign_name
