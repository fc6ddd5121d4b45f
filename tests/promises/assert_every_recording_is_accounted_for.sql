{{ config(meta={
    'next_steps': "Run dbt build again. If a recording is still listed here, it is neither loaded nor"
        ~ " listed with an issue, or it is both: look it up in int_judged_recordings (dbt show)."
}) }}

with

recordings as (
    select * from {{ ref('stg_recordings') }}
),

audio_files as (
    select * from {{ ref('audio_files') }}
    where source_table = 'public.recordings'
),

issues as (
    select * from {{ ref('recording_issues') }}
),

listed as (
    select
        source_row_id,
        bool_or(not is_loaded) as is_rejected,
        count(*) != count(distinct issue) as is_listed_twice
    from issues
    group by source_row_id
),

-- Full joins: PostgreSQL never runs them as nested loops, even with bad statistics.
accounts as (
    select
        recordings.source_row_id,
        audio_files.id is not null as is_loaded,
        coalesce(listed.is_rejected, false) as is_rejected,
        coalesce(listed.is_listed_twice, false) as is_listed_twice,
        -- The recording arrived after the last run, so the next run loads or lists it.
        recordings.source_row_id > max(audio_files.source_row_id) over () as is_newer
    from recordings
    full join audio_files
        on
            recordings.source_row_id = audio_files.source_row_id
            and recordings.url = audio_files.url
    full join listed on recordings.source_row_id = listed.source_row_id
)

select * from accounts
where
    is_listed_twice
    or (is_loaded and is_rejected)
    or (
        source_row_id is not null
        and not is_loaded
        and not is_rejected
        and is_newer is not true
    )
