{{ config(materialized='ephemeral') }}

with

recordings as (
    select * from {{ ref('stg_recordings') }}
),

contacts as (
    select * from {{ ref('stg_contacts') }}
),

audio_files as not materialized (
    select * from {{ ref('stg_audio_files') }}
),

-- materialized: first drop the many that are loaded, then look at the rest
unloaded as materialized (
    select
        recordings.*,
        same_url.id as same_url_id
    from recordings
    left join audio_files as same_url on recordings.url = same_url.url
    where
        same_url.id is null
        or same_url.recording_row_id is distinct from recordings.source_row_id
),

examined as (
    select
        unloaded.*,
        contacts.campaign_id,
        contacts.phone,
        concat_ws(
            ', ',
            case when {{ is_blank('unloaded.url') }} then 'url_missing' end,
            case
                when contacts.contact_id is null then 'contact_missing'
                when not contacts.has_phone then 'phone_missing'
            end,
            case
                when contacts.contact_id is null then null
                when not {{ is_selected('contacts.campaign_id', campaign_ids()) }}
                    then 'campaign_not_selected'
            end
        ) as faults
    from unloaded
    left join contacts on unloaded.contact_id = contacts.contact_id
),

-- materialized: each row is parsed once, however often what follows sorts it
candidates as materialized (
    select
        source_row_id,
        campaign_id,
        {{ recording_id_in('url') }} as recording_id,
        phone,
        url,
        {{ timestamp_in('started_text', source_timezone()) }} as started,
        {{ timestamp_in('stopped_text', source_timezone()) }} as stopped
    from examined
    where faults = '' and same_url_id is null
)

select
    candidates.*,
    same_recording.id as audio_file_id,
    case
        when same_recording.id is null then ''
        else 'duplicate_recording_id'
    end as issues
from candidates
left join audio_files as same_recording
    on candidates.recording_id = same_recording.recording_id
union all
select
    source_row_id,
    campaign_id,
    null as recording_id,
    phone,
    url,
    null as started,
    null as stopped,
    case when faults = '' then same_url_id end as audio_file_id,
    -- what could not be loaded anyway is not called a duplicate
    case
        when faults = '' then 'duplicate_url'
        else faults
    end as issues
from examined
where faults != '' or same_url_id is not null
