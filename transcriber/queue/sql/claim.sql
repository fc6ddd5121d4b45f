-- Take claimable files from one end of the queue: the newest calls, or the oldest. One
-- row per file won, and a single row without a file when none was. `seen` tells
-- "nothing is pending" (0) from "others were quicker" (ask again at once); `reached` is
-- where the next claim may begin.
--
-- The row whose change means "done" is the one that is locked, so that PostgreSQL looks
-- at its newest version: locking audio_files instead did 7,576 of 20,000 short jobs
-- twice. A custom plan knows the parameters, so that the cases fold away and the order
-- is the index's, forwards or backwards. The bound is on one side only: PostgreSQL
-- takes a range of which it knows nothing for one row in 200, and would sort a whole
-- campaign to claim 50 of its files.
with pause as materialized (
    select
        provider_pauses.reason,
        provider_pauses.paused_at
    from media_pipeline.provider_pauses
    where provider_pauses.provider in (%(provider)s, %(paused_as)s)
    order by provider_pauses.paused_at
    limit 1
),

-- The services that are away, as far as this worker uses them.
outages as materialized (
    select
        service_outages.service,
        service_outages.is_provider,
        service_outages.reason,
        service_outages.since,
        service_outages.next_try_at
    from media_pipeline.service_outages
    where
        not service_outages.is_provider
        or service_outages.service = %(paused_as)s
),

candidates as materialized (
    select
        claimable_files.audio_file_id,
        claimable_files.started
    from media_pipeline.claimable_files
    where
        case
            when %(newest_first)s
                then claimable_files.started <= %(begin_at)s::double precision
            else claimable_files.started >= %(begin_at)s::double precision
        end
        -- include: selection.part.sql
        -- include: reachable.part.sql
    order by
        case when %(newest_first)s then claimable_files.started end desc,
        case when %(newest_first)s then claimable_files.audio_file_id end desc,
        claimable_files.started asc,
        claimable_files.audio_file_id asc
    limit %(batch)s
    for no key update skip locked
),

-- include: takeover.part.sql

claimed_files as (
    insert into media_pipeline.transcription_claims as existing_claim
    (audio_file_id, claimed_by, claimed_at, expires_at)
    select
        candidates.audio_file_id,
        %(claimant)s as claimed_by,
        clock_timestamp() as claimed_at,
        now() + make_interval(secs => %(claim_ttl)s) as expires_at
    from candidates
    where
        not exists (select from pause)
        and not exists (
            select from abandoned_files
            where
                abandoned_files.audio_file_id = candidates.audio_file_id
                and abandoned_files.is_last_attempt
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
        (select count(*) from candidates) as seen,
        (
            select
                case
                    when %(newest_first)s then min(candidates.started)
                    else max(candidates.started)
                end
            from candidates
        ) as reached,
        (
            select
                format(
                    '%%s is paused since %%s. %%s Then run: transcriber resume %%s',
                    %(provider)s,
                    date_trunc('second', pause.paused_at),
                    pause.reason,
                    %(provider)s
                )
            from pause
        ) as paused_because,
        (
            select
                json_agg(
                    json_build_object(
                        'service', outages.service,
                        'is_provider', outages.is_provider,
                        'reason', outages.reason,
                        'since', outages.since,
                        'next_try_at', outages.next_try_at,
                        'is_due', outages.next_try_at <= now()
                    )
                )
            from outages
        ) as outages,
        -- Commit without waiting for the disk: if a crash undoes a claim, the file is
        -- claimed again. The join below is always true; it only forces this call.
        set_config('synchronous_commit', 'off', true) as commit_mode
)

select
    circumstances.seen,
    circumstances.reached,
    circumstances.paused_because,
    circumstances.outages,
    won_files.audio_file_id,
    won_files.claimed_at,
    won_files.url,
    won_files.url_sha1,
    -- Above, PostgreSQL would read the host of every URL that it looks at.
    media_pipeline.url_host(won_files.url) as host
from circumstances
left join won_files on circumstances.commit_mode = 'off'
order by
    case when %(newest_first)s then won_files.audio_file_id end desc,
    won_files.audio_file_id asc
