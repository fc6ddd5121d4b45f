{{ config(materialized='ephemeral') }}

with

recordings as (
    select * from {{ ref('int_unloaded_recordings') }}
),

audio_files as (
    select * from {{ ref('stg_audio_files') }}
),

-- Materialized: otherwise each later sort would read the timestamps again.
candidates as materialized (
    select
        source_row_id,
        campaign_id,
        {{ recording_id_in('url') }} as recording_id,
        phone,
        url,
        {{ timestamp_in('started_text', source_timezone()) }} as started,
        {{ timestamp_in('stopped_text', source_timezone()) }} as stopped
    from recordings
    where issues = '{}' and same_url_id is null
)

select
    candidates.*,
    audio_files.id as audio_file_id,
    case
        when audio_files.id is null then '{}'
        else array['duplicate_recording_id']
    end as issues
from candidates
left join audio_files on candidates.recording_id = audio_files.recording_id
union all
select
    source_row_id,
    campaign_id,
    null as recording_id,
    phone,
    url,
    null as started,
    null as stopped,
    case when issues = '{}' then same_url_id end as audio_file_id,
    -- A recording counts as a duplicate only where nothing else keeps it out.
    case
        when issues = '{}' then array['duplicate_url']
        else issues
    end as issues
from recordings
where issues != '{}' or same_url_id is not null
