{{ config(materialized='ephemeral') }}

with

recordings as (
    select * from {{ ref('stg_recordings') }}
),

contacts as (
    select * from {{ ref('stg_contacts') }}
),

audio_files as (
    select * from {{ ref('stg_audio_files') }}
),

-- Materialized: PostgreSQL first drops the many recordings that are loaded, and only
-- then looks at what the others hold.
unloaded as materialized (
    select
        recordings.*,
        audio_files.id as same_url_id
    from recordings
    left join audio_files on recordings.url = audio_files.url
    where
        audio_files.id is null
        or audio_files.recording_row_id is distinct from recordings.source_row_id
)

select
    unloaded.source_row_id,
    unloaded.url,
    unloaded.started_text,
    unloaded.stopped_text,
    unloaded.same_url_id,
    contacts.campaign_id,
    contacts.phone,
    array_remove(
        array[
            case when {{ is_blank('unloaded.url') }} then 'url_missing' end,
            case
                when contacts.contact_id is null then 'contact_missing'
                when not {{ is_phone('contacts.typed_phone') }} then 'phone_missing'
            end,
            case
                when contacts.contact_id is null then null
                when not {{ is_selected('contacts.campaign_id', campaign_ids()) }}
                    then 'campaign_not_selected'
            end
        ],
        null
    ) as issues
from unloaded
left join contacts on unloaded.contact_id = contacts.contact_id
