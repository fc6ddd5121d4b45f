-- Take pending files, the newest calls first. One row per file won; a single row
-- without a file when none was. `seen` tells "nothing to do" (0) from "others were
-- quicker" (ask again at once).
--
-- The row whose change means "done" is the one that is locked, so that PostgreSQL looks
-- at its newest version: locking audio_files instead did 7,576 of 20,000 short jobs
-- twice.
with candidates as materialized (
    select transcriptions.audio_file_id
    from media_pipeline.transcriptions
    where
        transcriptions.status = 'pending'
        and (
            %(campaign)s::text is null
            or (transcriptions.metadata #>> '{queue,campaign}') = %(campaign)s::text
        )
        and not exists (
            select from media_pipeline.transcription_claims
            where
                transcription_claims.audio_file_id = transcriptions.audio_file_id
                and (
                    transcription_claims.expires_at is null
                    or transcription_claims.expires_at > now()
                )
        )
    order by
        (transcriptions.metadata #>> '{queue,started}')::double precision desc,
        transcriptions.audio_file_id desc
    limit %(batch)s
    for no key update of transcriptions skip locked
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
        audio_files.started
    from claimed_files
    inner join media_pipeline.audio_files
        on claimed_files.audio_file_id = audio_files.id
),

seen_files as (
    select count(*) as seen from candidates
)

select
    seen_files.seen,
    won_files.audio_file_id,
    won_files.claimed_at,
    won_files.url
from seen_files
left join won_files on true
order by won_files.started desc nulls last, won_files.audio_file_id desc
