{{ config(
    materialized='late_bound_view',
    meta={'settings': planner_settings()}
) }}

with

unloaded_recordings as (
    select * from {{ ref('int_judged_recordings') }}
),

defective_recordings as (
    select * from {{ ref('int_defective_recordings') }}
),

audio_files as (
    select * from {{ ref('audio_files') }}
),

not_loaded as (
    select
        unloaded_recordings.source_row_id,
        false as is_loaded,
        coalesce(unloaded_recordings.audio_file_id, same_sha1.id) as audio_file_id,
        case
            when same_sha1.id is null then unloaded_recordings.issues
            else array['duplicate_url']
        end as issues
    from unloaded_recordings
    -- Another program may have inserted a row with the hash of this URL and another
    -- URL; the refresh then leaves the recording out as a copy.
    left join audio_files as same_sha1
        on
            unloaded_recordings.issues = '{}'
            and media_pipeline.url_sha1(unloaded_recordings.url) = same_sha1.url_sha1
),

with_issues as (
    select
        source_row_id,
        is_loaded,
        audio_file_id,
        issues
    from not_loaded
    union all
    select
        source_row_id,
        true as is_loaded,
        audio_file_id,
        issues
    from defective_recordings
),

listed as (
    select
        source_row_id,
        is_loaded,
        audio_file_id,
        unnest(issues) as issue
    from with_issues
),

issue_kinds as (
    {{ issue_kinds() }}
)

select
    listed.source_row_id,
    listed.issue,
    listed.is_loaded,
    listed.audio_file_id,
    issue_kinds.severity,
    issue_kinds.next_step,
    'public.recordings' as source_table
from listed
left join issue_kinds on listed.issue = issue_kinds.issue
