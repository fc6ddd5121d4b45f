-- In the audit, because it sorts all calls; the refresh numbers those that it touches.
{{ config(
    tags=['audit'],
    meta={
        'next_steps': "Set index_in_phone to null for the listed phones; the next run numbers them anew."
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
        -- Another program inserted a call after the last run; the next run numbers it.
        bool_or(index_in_phone is null) over (partition by phone) as is_to_be_numbered
    from audio_files
    where phone is not null
)

select * from numbered
where index_in_phone is distinct from true_index and not is_to_be_numbered
