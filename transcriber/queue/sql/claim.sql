-- Take claimable files: so many of the newest calls, so many of the oldest. One row per
-- file won, and a single row without a file when none was. What was seen tells "nothing
-- to do" (0) from "others were quicker" (ask again at once).
--
-- The row whose change means "done" is the one that is locked, so that PostgreSQL looks
-- at its newest version: locking audio_files instead did 7,576 of 20,000 short jobs
-- twice. `newest_from` and `oldest_from` are where the last claim ended: while somebody
-- holds an old snapshot, done files stay in the index, and each claim would walk over
-- all of them (28 ms instead of 2).
with newest_files as materialized (
    select
        claimable_files.audio_file_id,
        claimable_files.started
    from media_pipeline.claimable_files
    where
        claimable_files.started <= %(newest_from)s::double precision
        and (
            %(campaign)s::text is null
            or claimable_files.campaign_name = left(%(campaign)s::text, 500)
        )
        and (
            %(max_duration)s::double precision is null
            or claimable_files.duration_seconds <= %(max_duration)s::double precision
        )
        and (
            %(phone)s::text is null
            or claimable_files.audio_file_id = any(
                array(
                    select audio_files.id
                    from media_pipeline.audio_files
                    where audio_files.phone = %(phone)s::text
                )
            )
        )
    order by claimable_files.started desc, claimable_files.audio_file_id desc
    limit %(newest)s
    for no key update skip locked
),

oldest_files as materialized (
    select
        claimable_files.audio_file_id,
        claimable_files.started
    from media_pipeline.claimable_files
    where
        claimable_files.started >= %(oldest_from)s::double precision
        and (
            %(campaign)s::text is null
            or claimable_files.campaign_name = left(%(campaign)s::text, 500)
        )
        and (
            %(max_duration)s::double precision is null
            or claimable_files.duration_seconds <= %(max_duration)s::double precision
        )
        and (
            %(phone)s::text is null
            or claimable_files.audio_file_id = any(
                array(
                    select audio_files.id
                    from media_pipeline.audio_files
                    where audio_files.phone = %(phone)s::text
                )
            )
        )
        and claimable_files.audio_file_id not in (
            select newest_files.audio_file_id from newest_files
        )
    order by claimable_files.started asc, claimable_files.audio_file_id asc
    limit %(oldest)s
    for no key update skip locked
),

candidates as (
    select newest_files.audio_file_id from newest_files
    union all
    select oldest_files.audio_file_id from oldest_files
),

claimed_files as (
    insert into media_pipeline.transcription_claims as existing_claim
    (audio_file_id, claimed_by, claimed_at, expires_at)
    select
        candidates.audio_file_id,
        %(worker)s as claimed_by,
        clock_timestamp() as claimed_at,
        now() + make_interval(secs => %(claim_ttl)s) as expires_at
    from candidates
    where
        not exists (
            select from media_pipeline.provider_pauses
            where provider_pauses.provider = %(provider)s
        )
    order by candidates.audio_file_id
    on conflict (audio_file_id) do update
        set
            claimed_by = excluded.claimed_by,
            claimed_at = excluded.claimed_at,
            expires_at = excluded.expires_at
        where existing_claim.expires_at <= now()
    returning existing_claim.audio_file_id, existing_claim.claimed_at
),

won_files as (
    select
        claimed_files.audio_file_id,
        claimed_files.claimed_at,
        audio_files.url,
        audio_files.url_sha1
    from claimed_files
    inner join media_pipeline.audio_files
        on claimed_files.audio_file_id = audio_files.id
),

circumstances as (
    select
        (select count(*) from newest_files) as newest_seen,
        (select min(newest_files.started) from newest_files) as newest_until,
        (select count(*) from oldest_files) as oldest_seen,
        (select max(oldest_files.started) from oldest_files) as oldest_until,
        (
            select provider_pauses.reason
            from media_pipeline.provider_pauses
            where provider_pauses.provider = %(provider)s
        ) as paused_because,
        -- a claim that a power cut takes back costs nothing: they are claimed again
        set_config('synchronous_commit', 'off', true) as commit_mode
)

select
    circumstances.newest_seen,
    circumstances.newest_until,
    circumstances.oldest_seen,
    circumstances.oldest_until,
    circumstances.paused_because,
    won_files.audio_file_id,
    won_files.claimed_at,
    won_files.url,
    won_files.url_sha1
from circumstances
left join won_files on circumstances.commit_mode = 'off'
order by won_files.audio_file_id desc
