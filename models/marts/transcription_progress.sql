{{ config(
    materialized='late_bound_view',
    meta={'settings': {'enable_nestloop': 'off', 'enable_mergejoin': 'off', 'enable_indexscan': 'off'}}
) }}

with

audio_files as (
    select * from {{ ref('audio_files') }}
),

transcriptions as (
    select * from {{ ref('stg_transcriptions') }}
),

failures as (
    select * from {{ ref('stg_transcription_failures') }}
),

-- as the queue sees them: what nothing holds back is tried, whatever its row says
states as (
    select
        audio_files.campaign_name,
        audio_files.duration_seconds,
        (
            audio_files.started at time zone {{ text_literal(source_timezone()) }}
        )::date as day,
        case
            when transcriptions.transcript_status = 'completed' then 'completed'
            when failures.failure_status = 'permanent' then 'failed'
            when failures.ignore_until > now() then 'cooling_down'
            else 'pending'
        end as state
    from audio_files
    left join transcriptions on audio_files.id = transcriptions.audio_file_id
    left join failures on audio_files.id = failures.audio_file_id
),

counted as (
    select
        campaign_name,
        day,
        count(*) as recordings,
        coalesce(sum(duration_seconds), 0) as audio_seconds,
        count(*) filter (where state = 'completed') as completed,
        count(*) filter (where state = 'pending') as pending,
        count(*) filter (where state = 'failed') as failed,
        count(*) filter (where state = 'cooling_down') as cooling_down
    from states
    group by campaign_name, day
)

select
    *,
    completed::double precision / recordings as completed_share
from counted
