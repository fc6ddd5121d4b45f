{{ config(meta={
    'next_steps': "Run dbt again. A recording that stays breaks the promise that each one is either"
        ~ " loaded or listed once per issue: look it up in unloaded_recordings (dbt show)."
}) }}

-- counts instead of joins: one pass over a million rows, whatever the statistics say
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

marks as (
    select
        source_row_id,
        url,
        1 as recordings,
        0 as audio_files
    from recordings
    union all
    select
        source_row_id,
        url,
        0 as recordings,
        1 as audio_files
    from audio_files
),

by_url as (
    select
        source_row_id,
        sum(audio_files) as times_loaded
    from marks
    group by source_row_id, url
    having sum(recordings) > 0
),

both_sides as (
    select
        source_row_id,
        times_loaded,
        null as issue,
        false as is_listed
    from by_url
    union all
    select
        source_row_id,
        0 as times_loaded,
        issue,
        not is_loaded as is_listed
    from issues
),

accounts as (
    select
        source_row_id,
        sum(times_loaded) as times_loaded,
        bool_or(is_listed) as is_listed,
        count(issue) != count(distinct issue) as is_listed_twice,
        -- arrived since the last run, which is no fault
        source_row_id > max(case when sum(times_loaded) > 0 then source_row_id end)
            over () as is_newer
    from both_sides
    group by source_row_id
)

select * from accounts
where
    is_listed_twice
    or times_loaded > 1
    or (times_loaded = 1 and is_listed)
    or (times_loaded = 0 and not is_listed and is_newer is not true)
