-- audit: the refresh numbers what it touches, and this sorts all there is
{{ config(
    tags=['audit'],
    meta={
        'next_steps': "Set index_in_phone to null for the phones listed: the next run numbers them"
            ~ " anew."
    }
) }}

with

audio_files as (
    select * from {{ ref('audio_files') }}
),

numbered as (
    select
        id,
        phone,
        index_in_phone,
        row_number() over (
            partition by phone order by started nulls last, id
        ) as true_index,
        -- another program inserted a call since: the next run numbers its phone
        bool_or(index_in_phone is null) over (partition by phone) as is_to_be_numbered
    from audio_files
    where phone is not null
)

select * from numbered
where index_in_phone is distinct from true_index and not is_to_be_numbered
