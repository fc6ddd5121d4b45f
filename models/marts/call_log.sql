{{ config(materialized='in_place_view') }}

with

audio_files as (
    select * from {{ ref('audio_files') }}
),

file_states as (
    select * from {{ ref('stg_file_states') }}
),

transcriptions as (
    select * from {{ ref('stg_transcriptions') }}
)

select
    audio_files.id as audio_file_id,
    audio_files.phone,
    audio_files.index_in_phone,
    audio_files.campaign_name,
    audio_files.url as location,
    audio_files.duration_seconds,
    audio_files.started,
    audio_files.stopped,
    file_states.state as transcript_status,
    transcriptions.transcript_text,
    coalesce(audio_files.recording_id, 'N/A') as recording_id
from audio_files
inner join file_states on audio_files.id = file_states.audio_file_id
left join transcriptions on audio_files.id = transcriptions.audio_file_id
where audio_files.phone is not null
