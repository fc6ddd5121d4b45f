{{ config(materialized='ephemeral') }}

with

recordings as (
    select * from {{ ref('int_judged_recordings') }}
),

copies as (
    select
        *,
        row_number() over (
            partition by recording_id, case when recording_id is null then url end
            order by source_row_id
        ) as copy_number
    from recordings
    where issues = '{}'
)

select
    source_row_id,
    campaign_id,
    recording_id,
    phone,
    url,
    started,
    stopped
from copies
where copy_number = 1
