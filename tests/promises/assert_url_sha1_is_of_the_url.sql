-- In the audit, because a server without pgcrypto hashes only some thousands a second.
-- Only a warning: the refresh computes the hash, but other programs write their own.
{{ config(
    tags=['audit'],
    severity='warn',
    meta={
        'next_steps': "Tell the owners of the program that inserted the listed rows (see source_table)."
            ~ " Set url_sha1 of each row to media_pipeline.url_sha1(url), or delete the row"
            ~ " if another file has that hash."
    }
) }}

with

audio_files as (
    select * from {{ ref('audio_files') }}
)

select
    id,
    source_table,
    url_sha1
from audio_files
where url_sha1 != media_pipeline.url_sha1(url)
