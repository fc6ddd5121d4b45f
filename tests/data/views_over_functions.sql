-- The views as builds made them until they were built in place: each one over a function.
-- It is what pg_dump wrote on a database of that time, without blank lines.

CREATE FUNCTION media_pipeline.call_log_rows() RETURNS TABLE(audio_file_id bigint, phone text, campaign_name text, recording_id text, location text, transcript_status text, transcript_text text, duration_seconds double precision, index_in_phone integer, started timestamp with time zone, stopped timestamp with time zone)
    LANGUAGE sql STABLE
    AS $$
    select audio_file_id, phone, campaign_name, recording_id, location, transcript_status, transcript_text, duration_seconds, index_in_phone, started, stopped
    from (
with
 __dbt__cte__stg_transcriptions as not materialized (
select
    ---------- ids
    audio_file_id,
    ---------- text
    status as transcript_status,
    transcript_text,
    b2_transcript_key
from "media_pipeline"."transcriptions"
), audio_files as (
    select * from "media_pipeline"."audio_files"
),
transcriptions as (
    select * from __dbt__cte__stg_transcriptions
)
select
    audio_files.id as audio_file_id,
    audio_files.phone,
    audio_files.index_in_phone,
    audio_files.campaign_name,
    audio_files.url as location,
    audio_files.duration_seconds,
    audio_files.started,
    audio_files.stopped,
    transcriptions.transcript_status,
    transcriptions.transcript_text,
    coalesce(audio_files.recording_id, 'N/A') as recording_id
from audio_files
left join transcriptions on audio_files.id = transcriptions.audio_file_id
where audio_files.phone is not null
    ) as model_subq
        $$;

CREATE VIEW media_pipeline.call_log AS
 SELECT audio_file_id,
    phone,
    campaign_name,
    recording_id,
    location,
    transcript_status,
    transcript_text,
    duration_seconds,
    index_in_phone,
    started,
    stopped
   FROM media_pipeline.call_log_rows() call_log_rows(audio_file_id, phone, campaign_name, recording_id, location, transcript_status, transcript_text, duration_seconds, index_in_phone, started, stopped);

CREATE FUNCTION media_pipeline.phone_history_rows() RETURNS TABLE(phone text, campaign_name text, total_recordings bigint, first_call_time timestamp with time zone, last_call_time timestamp with time zone, recording_urls text)
    LANGUAGE sql STABLE
    AS $$
    select phone, campaign_name, total_recordings, first_call_time, last_call_time, recording_urls
    from (
with
audio_files as (
    select * from "media_pipeline"."audio_files"
)
select
    phone,
    campaign_name,
    count(*) as total_recordings,
    min(started) as first_call_time,
    max(started) as last_call_time,
    string_agg(url, e'\n' order by started nulls last, id) as recording_urls
from audio_files
group by phone, campaign_name
    ) as model_subq
        $$;

CREATE VIEW media_pipeline.phone_history AS
 SELECT phone,
    campaign_name,
    total_recordings,
    first_call_time,
    last_call_time,
    recording_urls
   FROM media_pipeline.phone_history_rows() phone_history_rows(phone, campaign_name, total_recordings, first_call_time, last_call_time, recording_urls);

CREATE FUNCTION media_pipeline.recording_issues_rows() RETURNS TABLE(source_table text, source_row_id bigint, issue text, severity text, next_step text, is_loaded boolean, audio_file_id bigint)
    LANGUAGE sql STABLE
    SET enable_nestloop TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_indexscan TO 'off'
    SET jit TO 'off'
    AS $_$
    select source_table, source_row_id, issue, severity, next_step, is_loaded, audio_file_id
    from (
with
 __dbt__cte__stg_recordings as not materialized (
select
    ---------- ids
    id::bigint as source_row_id,
    contact_id::text collate "default" as contact_id,
    ---------- text
    location::text collate "default" as url,
    (to_jsonb(started) #>> '{}') as started_text,
    (to_jsonb(stopped) #>> '{}') as stopped_text
from "public"."recordings"
),  __dbt__cte__stg_contacts as not materialized (
select
    ---------- ids
    contact_id,
    campaign_id,
    ---------- text
    typed_phone,
    regexp_replace(btrim(typed_phone), '[^0-9+]', '', 'g') as phone
-- no CTE: the planner would normalise every contact's phone before it joins a few
from (
    select
        -- whatever collations the columns have: a join of two kinds is an error
        "$id"::text collate "default" as contact_id,
        "$campaign_id"::text collate "default" as campaign_id,
        "$phone"::text collate "default" as typed_phone
    from "public"."contacts"
) as contacts
),  __dbt__cte__stg_audio_files as not materialized (
select
    ---------- ids
    id,
    recording_id,
    ---------- text
    url,
    ---------- its row of public.recordings, where it comes from there
    case
        when source_table = 'public.recordings' then source_row_id
    end as recording_row_id
from "media_pipeline"."audio_files"
),  __dbt__cte__examined_recordings as not materialized (
with
recordings as (
    select * from __dbt__cte__stg_recordings
),
contacts as (
    select * from __dbt__cte__stg_contacts
),
audio_files as (
    select * from __dbt__cte__stg_audio_files
),
-- materialized: first drop the many that are loaded, then look at the rest
unloaded as materialized (
    select
        recordings.*,
        audio_files.id as same_url_id
    from recordings
    left join audio_files on recordings.url = audio_files.url
    where
        audio_files.id is null
        or audio_files.recording_row_id is distinct from recordings.source_row_id
)
select
    unloaded.source_row_id,
    unloaded.url,
    unloaded.started_text,
    unloaded.stopped_text,
    unloaded.same_url_id,
    contacts.campaign_id,
    contacts.phone,
    concat_ws(
        ', ',
        case when (coalesce(btrim(unloaded.url, e' \t\r\n'), '') = '') then 'url_missing' end,
        case
            when contacts.contact_id is null then 'contact_missing'
            when not coalesce(
        contacts.typed_phone ~ '[0-9]'
        and (length(contacts.typed_phone) <= 1000 or length(regexp_replace(btrim(contacts.typed_phone), '[^0-9+]', '', 'g')) <= 1000),
        false
    ) then 'phone_missing'
        end,
        case
            when contacts.contact_id is null then null
            when not true
                then 'campaign_not_selected'
        end
    ) as faults
from unloaded
left join contacts on unloaded.contact_id = contacts.contact_id
),  __dbt__cte__unloaded_recordings as not materialized (
with
recordings as (
    select * from __dbt__cte__examined_recordings
),
audio_files as (
    select * from __dbt__cte__stg_audio_files
),
-- materialized: each row is parsed once, however often what follows sorts it
candidates as materialized (
    select
        source_row_id,
        campaign_id,
        case
        when octet_length(url) <= 1000 or octet_length((regexp_match(url, '/(PR_[^./]+)'))[1]) <= 1000
            then (regexp_match(url, '/(PR_[^./]+)'))[1]
    end as recording_id,
        phone,
        url,
        media_pipeline.try_timestamptz(started_text, 'UTC'::text) as started,
        media_pipeline.try_timestamptz(stopped_text, 'UTC'::text) as stopped
    from recordings
    where faults = '' and same_url_id is null
)
select
    candidates.*,
    audio_files.id as audio_file_id,
    case
        when audio_files.id is null then ''
        else 'duplicate_recording_id'
    end as issues
from candidates
left join audio_files on candidates.recording_id = audio_files.recording_id
union all
select
    source_row_id,
    campaign_id,
    null as recording_id,
    phone,
    url,
    null as started,
    null as stopped,
    case when faults = '' then same_url_id end as audio_file_id,
    -- what could not be loaded anyway is not called a duplicate
    case
        when faults = '' then 'duplicate_url'
        else faults
    end as issues
from recordings
where faults != '' or same_url_id is not null
), unloaded as (
    select * from __dbt__cte__unloaded_recordings
),
audio_files as not materialized (
    select * from "media_pipeline"."audio_files"
),
recordings as (
    select * from __dbt__cte__stg_recordings
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
            case
        when audio_files.started is not null or (coalesce(btrim(recordings.started_text, e' \t\r\n'), '') = '') then null
        when media_pipeline.try_timestamptz(recordings.started_text, 'UTC'::text) is null then 'started_unreadable'
    end,
            case
        when audio_files.stopped is not null or (coalesce(btrim(recordings.stopped_text, e' \t\r\n'), '') = '') then null
        when media_pipeline.try_timestamptz(recordings.stopped_text, 'UTC'::text) is null then 'stopped_unreadable'
    end,
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
    select
        column1 as issue,
        column2 as severity,
        column3 as next_step
    from (
        values
        (
            'url_missing', 'error',
            'Enter the URL of the audio in recordings.location.'
        ),
        (
            'contact_missing', 'error',
            'Restore the contact, or set recordings.contact_id to the right one.'
        ),
        (
            'phone_missing', 'error',
            'Enter the phone number of the contact.'
        ),
        (
            'campaign_not_selected', 'info',
            'Nothing; to load it, add its campaign to the var campaign_ids.'
        ),
        (
            'duplicate_url', 'info',
            'Nothing: its audio is in the catalogue as audio_file_id.'
        ),
        (
            'duplicate_recording_id', 'warning',
            'Compare it with audio_file_id: a copy may be deleted, another call needs a'
            || ' PR_ id of its own in its URL.'
        ),
        (
            'started_unreadable', 'warning',
            'Write recordings.started like 2024-10-31T10:57:01Z, or set it to null.'
        ),
        (
            'stopped_unreadable', 'warning',
            'Write recordings.stopped like 2024-10-31T10:57:01Z, or set it to null.'
        ),
        (
            'negative_duration', 'warning',
            'Correct the recording, then set started and stopped of the audio file to'
            || ' null: the next run reads them again.'
        )
    ) as kinds
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
    ) as model_subq
        $_$;

CREATE VIEW media_pipeline.recording_issues AS
 SELECT source_table,
    source_row_id,
    issue,
    severity,
    next_step,
    is_loaded,
    audio_file_id
   FROM media_pipeline.recording_issues_rows() recording_issues_rows(source_table, source_row_id, issue, severity, next_step, is_loaded, audio_file_id);

CREATE FUNCTION media_pipeline.transcription_progress_rows() RETURNS TABLE(campaign_name text, day date, recordings bigint, audio_seconds double precision, completed bigint, pending bigint, failed bigint, cooling_down bigint, completed_share double precision)
    LANGUAGE sql STABLE
    SET enable_nestloop TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_indexscan TO 'off'
    AS $$
    select campaign_name, day, recordings, audio_seconds, completed, pending, failed, cooling_down, completed_share
    from (
with
 __dbt__cte__stg_transcriptions as not materialized (
select
    ---------- ids
    audio_file_id,
    ---------- text
    status as transcript_status,
    transcript_text,
    b2_transcript_key
from "media_pipeline"."transcriptions"
),  __dbt__cte__stg_transcription_failures as not materialized (
select
    ---------- ids
    audio_file_id,
    ---------- text
    status as failure_status,
    ---------- timestamps
    ignore_until
from "media_pipeline"."transcription_failures"
), audio_files as (
    select * from "media_pipeline"."audio_files"
),
transcriptions as (
    select * from __dbt__cte__stg_transcriptions
),
failures as (
    select * from __dbt__cte__stg_transcription_failures
),
-- as the queue sees them: what nothing holds back is tried, whatever its row says
states as (
    select
        audio_files.campaign_name,
        audio_files.duration_seconds,
        (
            audio_files.started at time zone 'UTC'::text
        )::date as day,
        case
            when transcriptions.transcript_status = 'completed' then 'completed'
            when failures.failure_status = 'permanent' then 'failed'
            when failures.ignore_until > now() then 'cooling_down'
            else 'pending'
        end as state
    from audio_files
    left join transcriptions on audio_files.id = transcriptions.audio_file_id
    left join failures on audio_files.id = failures.audio_file_id
),
counted as (
    select
        campaign_name,
        day,
        count(*) as recordings,
        coalesce(sum(duration_seconds), 0) as audio_seconds,
        count(*) filter (where state = 'completed') as completed,
        count(*) filter (where state = 'pending') as pending,
        count(*) filter (where state = 'failed') as failed,
        count(*) filter (where state = 'cooling_down') as cooling_down
    from states
    group by campaign_name, day
)
select
    *,
    completed::double precision / recordings as completed_share
from counted
    ) as model_subq
        $$;

CREATE VIEW media_pipeline.transcription_progress AS
 SELECT campaign_name,
    day,
    recordings,
    audio_seconds,
    completed,
    pending,
    failed,
    cooling_down,
    completed_share
   FROM media_pipeline.transcription_progress_rows() transcription_progress_rows(campaign_name, day, recordings, audio_seconds, completed, pending, failed, cooling_down, completed_share);
