{{ config(materialized='ephemeral') }}

with

audio_files as (
    select * from {{ ref('audio_files') }}
    where
        source_table = 'public.recordings'
        and (started is null or stopped is null or stopped < started)
),

recordings as (
    select * from {{ ref('stg_recordings') }}
)

select
    recordings.source_row_id,
    audio_files.id as audio_file_id,
    array_remove(
        array[
            {{ unreadable_issue(
                'audio_files.started', 'recordings.started_text',
                source_timezone(), 'started_unreadable'
            ) }},
            {{ unreadable_issue(
                'audio_files.stopped', 'recordings.stopped_text',
                source_timezone(), 'stopped_unreadable'
            ) }},
            case
                when audio_files.stopped < audio_files.started then 'negative_duration'
            end
        ],
        null
    ) as issues
from audio_files
inner join recordings
    on
        audio_files.source_row_id = recordings.source_row_id
        and audio_files.url = recordings.url
