{{ config(
    materialized='late_bound_view',
    meta={'settings': {'enable_nestloop': 'off', 'enable_mergejoin': 'off', 'enable_indexscan': 'off', 'jit': 'off'}}
) }}

with

unloaded as (
    select * from {{ ref('int_judged_recordings') }}
),

audio_files as not materialized (
    select * from {{ ref('audio_files') }}
),

recordings as (
    select * from {{ ref('stg_recordings') }}
),

not_loaded as (
    select
        unloaded.source_row_id,
        false as is_loaded,
        coalesce(unloaded.audio_file_id, same_sha1.id) as audio_file_id,
        case
            when same_sha1.id is null then unloaded.issues
            else 'duplicate_url'
        end as issues
    from unloaded
    -- rows inserted by hand may have the hash of another URL than their own
    left join audio_files as same_sha1
        on
            unloaded.issues = ''
            and media_pipeline.url_sha1(unloaded.url) = same_sha1.url_sha1
),

loaded as (
    select
        recordings.source_row_id,
        true as is_loaded,
        audio_files.id as audio_file_id,
        concat_ws(
            ', ',
            {{ unreadable_issue(
                'audio_files.started', 'recordings.started_text',
                source_timezone(), 'started_unreadable'
            ) }},
            {{ unreadable_issue(
                'audio_files.stopped', 'recordings.stopped_text',
                source_timezone(), 'stopped_unreadable'
            ) }},
            case
                when audio_files.stopped < audio_files.started then 'negative_duration'
            end
        ) as issues
    from audio_files
    inner join recordings
        on
            audio_files.source_row_id = recordings.source_row_id
            and audio_files.url = recordings.url
    where
        audio_files.source_table = 'public.recordings'
        and (
            audio_files.started is null
            or audio_files.stopped is null
            or audio_files.stopped < audio_files.started
        )
),

with_issues as (
    select * from not_loaded
    union all
    select * from loaded
),

listed as (
    select
        source_row_id,
        is_loaded,
        audio_file_id,
        unnest(string_to_array(issues, ', ')) as issue
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
