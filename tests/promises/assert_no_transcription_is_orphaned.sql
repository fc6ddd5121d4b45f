{{ config(meta={
    'next_steps': "The foreign key to audio_files is missing. Delete the listed rows, then: alter table"
        ~ " media_pipeline.transcriptions add foreign key (audio_file_id)"
        ~ " references media_pipeline.audio_files (id) on delete cascade."
}) }}

with

transcriptions as (
    select * from {{ ref('stg_transcriptions') }}
),

audio_files as (
    select * from {{ ref('audio_files') }}
)

select transcriptions.audio_file_id
from transcriptions
left join audio_files on transcriptions.audio_file_id = audio_files.id
where audio_files.id is null
