-- Write transcripts back and release their claims. One row, with its result_id, per
-- transcript that stands in the table as we wrote it; the others are no longer ours:
-- somebody else claimed or finished the file, or its URL is in the catalogue no more. A
-- result whose claim was merely deleted is kept, because it has been paid for. The
-- statement may be repeated when a lost connection hides whether it was carried out.
--
-- Lock order, here as everywhere: audio_files rows, then transcriptions rows, then
-- claims, each by ascending id. A cascading delete locks in the same order.
with results as materialized (
    select results.*
    from
        json_to_recordset(%(results)s::json) as results (
            audio_file_id bigint,
            url text,
            url_sha1 text,
            claimed_at timestamptz,
            transcript_text text,
            segments jsonb,
            diarization jsonb,
            metadata jsonb,
            raw_response jsonb,
            content_sha256 text,
            file_size_bytes bigint,
            result_id text
        )
),

-- A transcript belongs to a URL, not to an id: ids are given again after `truncate ...
-- restart identity` and after a failover to a server that lacks the last rows, and a
-- URL may be corrected by hand. So it is written to the row that has its URL now. The
-- lock makes PostgreSQL look at the newest version of that row; it waits only for
-- transactions that delete the row or change its hash, and not for a refresh.
--
-- `coalesce`, here and below, hides a comparison from the planner: it would take the
-- two columns for independent, expect one row, and join 300 results by nested loops.
same_files as materialized (
    select
        audio_files.id,
        results.result_id
    from media_pipeline.audio_files
    inner join results
        on
            audio_files.url_sha1 = results.url_sha1
            and coalesce(audio_files.url = results.url, false)
    order by audio_files.id
    for key share of audio_files
),

locked_transcriptions as materialized (
    select
        transcriptions.audio_file_id,
        transcriptions.status,
        transcriptions.metadata ->> 'result_id' as result_id
    from media_pipeline.transcriptions
    where transcriptions.audio_file_id in (select same_files.id from same_files)
    order by transcriptions.audio_file_id
    for no key update
),

locked_claims as materialized (
    select
        transcription_claims.audio_file_id,
        transcription_claims.claimed_at,
        transcription_claims.claimed_by = %(claimant)s as is_by_us
    from media_pipeline.transcription_claims
    where
        transcription_claims.audio_file_id in (
            select same_files.id from same_files
            union all
            select results.audio_file_id from results
        )
        -- Always true. Reading the CTE here makes PostgreSQL lock the transcriptions
        -- first.
        and (select count(*) from locked_transcriptions) >= 0
    order by transcription_claims.audio_file_id
    for update
),

released_claims as (
    delete from media_pipeline.transcription_claims
    using locked_claims, results
    where
        transcription_claims.audio_file_id = locked_claims.audio_file_id
        and locked_claims.audio_file_id = results.audio_file_id
        and locked_claims.claimed_at = results.claimed_at
        and locked_claims.is_by_us
),

owned_results as (
    select
        results.*,
        same_files.id as file_id
    from results
    inner join same_files on results.result_id = same_files.result_id
    left join locked_claims on same_files.id = locked_claims.audio_file_id
    left join locked_transcriptions
        on same_files.id = locked_transcriptions.audio_file_id
    where
        coalesce(
            locked_claims.is_by_us and locked_claims.claimed_at = results.claimed_at,
            true
        )
        and locked_transcriptions.status is distinct from 'completed'
),

written_transcriptions as (
    insert into media_pipeline.transcriptions as existing_transcription
    (
        audio_file_id, provider, model, status, completed_at,
        transcript_text, segments, diarization, metadata, raw_response
    )
    select
        owned_results.file_id as audio_file_id,
        %(provider)s as provider,
        %(model)s as model,
        'completed' as status,
        now() as completed_at,
        owned_results.transcript_text,
        owned_results.segments,
        owned_results.diarization,
        owned_results.metadata,
        owned_results.raw_response
    from owned_results
    order by owned_results.file_id
    on conflict (audio_file_id) do update
        set
            provider = excluded.provider,
            model = excluded.model,
            status = excluded.status,
            completed_at = excluded.completed_at,
            transcript_text = excluded.transcript_text,
            segments = excluded.segments,
            diarization = excluded.diarization,
            metadata = excluded.metadata,
            raw_response = excluded.raw_response
        where existing_transcription.status != 'completed'
    returning
        existing_transcription.audio_file_id,
        existing_transcription.metadata ->> 'result_id' as result_id
),

forgotten_failures as (
    delete from media_pipeline.transcription_failures
    using written_transcriptions
    where transcription_failures.audio_file_id = written_transcriptions.audio_file_id
),

-- A refresh may hold some of these rows while it waits for others, so rows that it has
-- locked are skipped: the statement cannot deadlock with it, and the transcript's
-- metadata has the checksum and the size, too.
describable_files as materialized (
    select
        audio_files.id,
        owned_results.content_sha256,
        owned_results.file_size_bytes
    from media_pipeline.audio_files
    inner join owned_results on audio_files.id = owned_results.file_id
    where
        audio_files.content_sha256 is distinct from owned_results.content_sha256
        or audio_files.file_size_bytes is distinct from owned_results.file_size_bytes
    order by audio_files.id
    for no key update of audio_files skip locked
),

described_files as (
    update media_pipeline.audio_files
    set
        content_sha256 = describable_files.content_sha256,
        file_size_bytes = describable_files.file_size_bytes
    from describable_files
    where audio_files.id = describable_files.id
)

select written_transcriptions.result_id
from written_transcriptions
union all
-- These were written before a connection was lost, and with it the answer.
select locked_transcriptions.result_id
from locked_transcriptions
inner join results on locked_transcriptions.result_id = results.result_id
where locked_transcriptions.status = 'completed'
