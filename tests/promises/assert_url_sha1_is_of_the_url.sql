-- audit: a server without pgcrypto hashes some thousands a second
-- warn: the refresh hashes by itself, other programs write what they like
{{ config(
    tags=['audit'],
    severity='warn',
    meta={
        'next_steps': "Tell whoever inserted the rows listed (source_table); then update each to"
            ~ " media_pipeline.url_sha1(url), or delete it where another file has that hash."
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
