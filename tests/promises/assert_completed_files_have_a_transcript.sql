-- warn: the transcriber always writes a text, if an empty one; other programs may not
{{ config(
    tags=['audit'],
    severity='warn',
    meta={
        'next_steps': "Delete the rows of transcriptions listed: the next transcriber run takes their"
            ~ " files."
    }
) }}

with

transcriptions as (
    select * from {{ ref('stg_transcriptions') }}
)

select audio_file_id
from transcriptions
where
    transcript_status = 'completed'
    and transcript_text is null
    and b2_transcript_key is null
