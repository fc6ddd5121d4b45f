-- Only a warning: the transcriber always writes a text, even an empty one, but other
-- programs may complete a file without a text.
{{ config(
    tags=['audit'],
    severity='warn',
    meta={
        'next_steps': "Delete the listed rows of transcriptions; the next transcriber run takes their files."
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
