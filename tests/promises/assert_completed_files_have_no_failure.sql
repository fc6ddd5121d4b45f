-- warn: the transcriber deletes the failure of what it completes, others may not
{{ config(
    tags=['audit'],
    severity='warn',
    meta={
        'next_steps': "Delete the rows of transcription_failures listed: their files are transcribed."
    }
) }}

with

transcriptions as (
    select * from {{ ref('stg_transcriptions') }}
),

failures as (
    select * from {{ ref('stg_transcription_failures') }}
)

select failures.audio_file_id
from failures
inner join transcriptions on failures.audio_file_id = transcriptions.audio_file_id
where transcriptions.transcript_status = 'completed'
