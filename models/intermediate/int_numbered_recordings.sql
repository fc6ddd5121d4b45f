{{ config(materialized='ephemeral') }}

with

loadable_recordings as (
    select * from {{ ref('int_loadable_recordings') }}
),

audio_files as (
    select * from {{ ref('stg_audio_files') }}
),

-- Carries every column through the windows instead of joining back: PostgreSQL
-- estimates a filtered window at one row and would choose a nested loop.
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
    from audio_files
    where phone in (select loadable_recordings.phone from loadable_recordings)
),

numbered as (
    select
        *,
        row_number() over (
            partition by phone order by started nulls last, id nulls last, source_row_id
        ) as new_index
    from calls_of_their_phones
),

compared as (
    select
        *,
        bool_or(id is not null and known_index is distinct from new_index)
            over (partition by phone) as moves_known_calls
    from numbered
)

select
    source_row_id,
    campaign_id,
    recording_id,
    phone,
    url,
    started,
    stopped,
    -- Null where calls that have a number would move: the post-hook of audio_files then
    -- numbers all calls of that phone.
    case when not moves_known_calls then new_index::integer end as index_in_phone
from compared
where id is null
