{{ config(
    materialized='update_only',
    unique_key='id',
    meta={'updates': 'audio_files'},
    post_hook="{{ renumber_phones(ref('audio_files').render()) }}"
) }}

with

audio_files as (
    select * from {{ ref('audio_files') }}
    where started is null or stopped is null or duration_seconds is null
),

recordings as (
    select * from {{ ref('stg_recordings') }}
),

filled as (
    select
        audio_files.id,
        audio_files.duration_seconds,
        audio_files.index_in_phone,
        audio_files.started as known_start,
        coalesce(
            audio_files.started,
            {{ timestamp_in('recordings.started_text', source_timezone()) }}
        ) as started,
        coalesce(
            audio_files.stopped,
            {{ timestamp_in('recordings.stopped_text', source_timezone()) }}
        ) as stopped
    from audio_files
    left join recordings
        on
            audio_files.source_table = 'public.recordings'
            and audio_files.source_row_id = recordings.source_row_id
            and audio_files.url = recordings.url
)

select
    id,
    started,
    stopped,
    coalesce(
        duration_seconds, {{ duration_seconds('started', 'stopped') }}
    ) as duration_seconds,
    -- Null where this run fills in the start: the post-hook then numbers the phone.
    case
        when known_start is not null or started is null then index_in_phone
    end as index_in_phone
from filled
