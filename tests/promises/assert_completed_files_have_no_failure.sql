-- Only a warning: the transcriber deletes the failure of a file that it completes, but
-- other programs may leave it.
{{ config(
    tags=['audit'],
    severity='warn',
    meta={
        'next_steps': "Delete the listed rows of transcription_failures, because their files are transcribed."
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
