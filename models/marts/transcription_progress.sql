{{ config(materialized='in_place_view') }}

with

audio_files as (
    select * from {{ ref('audio_files') }}
),

file_states as (
    select * from {{ ref('stg_file_states') }}
),

dated as (
    select
        audio_files.campaign_name,
        audio_files.duration_seconds,
        file_states.state,
        (
            audio_files.started at time zone {{ text_literal(source_timezone()) }}
        )::date as day
    from audio_files
    -- A full join gives the same rows as an inner one, because every file has a state;
    -- PostgreSQL never runs it as a nested loop, even where it expects one file.
    full join file_states on audio_files.id = file_states.audio_file_id
),

-- Materialized: PostgreSQL must not move a reader's filter on campaign_name into the
-- joins, where it expects too few files and reads all failures for each one of them.
counted as materialized (
    select
        campaign_name,
        day,
        count(*) as recordings,
        coalesce(sum(duration_seconds), 0) as audio_seconds,
        count(*) filter (where state = 'completed') as completed,
        count(*) filter (
            where state in ('pending', 'claimed', 'not_queued')
        ) as pending,
        count(*) filter (where state = 'failed') as failed,
        count(*) filter (where state = 'cooling_down') as cooling_down,
        count(*) filter (where state = 'other') as other
    from dated
    group by campaign_name, day
)

select
    *,
    completed::double precision / recordings as completed_share
from counted
