-- Record a failure and release the claim. One row with the failure's status, or none
-- when the file is no longer ours, or its id belongs to another URL by now. A transient
-- failure becomes permanent with its last attempt; until then it cools down twice as
-- long each time, jittered by half so that files do not come back at once, and never
-- shorter than the other side asked for (a day at most). A recording that is not there
-- may still be written, until two hours after its call.
with same_file as materialized (
    select
        audio_files.id,
        %(may_still_come)s
        and coalesce(audio_files.stopped > now() - interval '2 hours', false)
            as may_still_come
    from media_pipeline.audio_files
    where
        audio_files.id = %(audio_file_id)s
        and audio_files.url_sha1 = %(url_sha1)s
        and audio_files.url = %(url)s
    for key share
),

locked_transcription as materialized (
    select transcriptions.status
    from media_pipeline.transcriptions
    where
        transcriptions.audio_file_id = %(audio_file_id)s
        -- Always true. Reading the CTE here makes PostgreSQL lock the file first.
        and (select count(*) from same_file) >= 0
    for no key update
),

released_claim as (
    delete from media_pipeline.transcription_claims
    where
        transcription_claims.audio_file_id = %(audio_file_id)s
        and transcription_claims.claimed_by = %(claimant)s
        and transcription_claims.claimed_at = %(claimed_at)s
        -- Always true. Reading the CTE here makes PostgreSQL lock the transcription
        -- before the claim.
        and (select count(*) from locked_transcription) >= 0
    returning transcription_claims.audio_file_id
),

attempt as (
    select
        released_claim.audio_file_id,
        same_file.may_still_come,
        coalesce(transcription_failures.attempts, 0) as earlier_attempts
    from released_claim
    inner join same_file on released_claim.audio_file_id = same_file.id
    left join media_pipeline.transcription_failures
        on released_claim.audio_file_id = transcription_failures.audio_file_id
),

judged_attempt as (
    select
        attempt.audio_file_id,
        case
            when attempt.may_still_come then 'transient'
            when %(is_permanent)s or attempt.earlier_attempts + 1 >= %(max_attempts)s
                then 'permanent'
            else 'transient'
        end as status,
        make_interval(
            secs => greatest(
                least(coalesce(%(retry_after)s::double precision, 0), 86400),
                least(
                    %(cooldown)s * power(2, least(attempt.earlier_attempts, 20)), 86400
                )
                * (0.5 + random() / 2)
            )
        ) as cooldown
    from attempt
),

recorded_failure as (
    insert into media_pipeline.transcription_failures as existing_failure
    (audio_file_id, provider, model, status, error_code, error, ignore_until)
    select
        judged_attempt.audio_file_id,
        %(provider)s as provider,
        %(model)s as model,
        judged_attempt.status,
        %(error_code)s::integer as error_code,
        left(%(error)s::text, 2000) as error,
        case
            when judged_attempt.status = 'transient'
                then now() + judged_attempt.cooldown
        end as ignore_until
    from judged_attempt
    on conflict (audio_file_id) do update
        set
            provider = excluded.provider,
            model = excluded.model,
            status = excluded.status,
            error_code = excluded.error_code,
            error = excluded.error,
            attempts = existing_failure.attempts + 1,
            last_attempt_at = now(),
            ignore_until = excluded.ignore_until
    returning existing_failure.audio_file_id, existing_failure.status
),

failed_file as (
    update media_pipeline.transcriptions
    set status = 'failed'
    from recorded_failure
    where
        transcriptions.audio_file_id = recorded_failure.audio_file_id
        and transcriptions.status = 'pending'
)

select recorded_failure.status from recorded_failure
