-- An expired claim is that of a worker that was killed or cut off, perhaps by the file
-- itself. Taking it over counts as an attempt, and after the last one the file is not
-- handed out. A file that is being deleted is skipped: the statement has locked its
-- transcription already, so it must not wait for the row of audio_files.
takeable_files as materialized (
    select audio_files.id
    from media_pipeline.audio_files
    where
        audio_files.id in (
            select transcription_claims.audio_file_id
            from candidates
            inner join media_pipeline.transcription_claims
                on candidates.audio_file_id = transcription_claims.audio_file_id
            where transcription_claims.expires_at <= now()
        )
        and not exists (select from pause)
    order by audio_files.id
    for key share of audio_files skip locked
),

abandoned_files as materialized (
    select
        transcription_claims.audio_file_id,
        coalesce(transcription_failures.attempts, 0) + 1
        >= %(max_attempts)s as is_last_attempt
    from takeable_files
    inner join media_pipeline.transcription_claims
        on takeable_files.id = transcription_claims.audio_file_id
    left join media_pipeline.transcription_failures
        on takeable_files.id = transcription_failures.audio_file_id
    where transcription_claims.expires_at <= now()
    order by transcription_claims.audio_file_id
    for update of transcription_claims
),

counted_attempts as (
    insert into media_pipeline.transcription_failures as existing_failure
    (audio_file_id, provider, model, status, error)
    select
        abandoned_files.audio_file_id,
        %(stored_as)s as provider,
        %(model)s as model,
        case
            when abandoned_files.is_last_attempt then 'permanent' else 'transient'
        end as status,
        %(error)s as error
    from abandoned_files
    order by abandoned_files.audio_file_id
    on conflict (audio_file_id) do update
        set
            provider = excluded.provider,
            model = excluded.model,
            status = excluded.status,
            error_code = null,
            error = excluded.error,
            attempts = existing_failure.attempts + 1,
            last_attempt_at = now(),
            ignore_until = null
),

released_claims as (
    delete from media_pipeline.transcription_claims
    using abandoned_files
    where
        transcription_claims.audio_file_id = abandoned_files.audio_file_id
        and abandoned_files.is_last_attempt
),

failed_files as (
    update media_pipeline.transcriptions
    set status = 'failed'
    from abandoned_files
    where
        transcriptions.audio_file_id = abandoned_files.audio_file_id
        and abandoned_files.is_last_attempt
),
