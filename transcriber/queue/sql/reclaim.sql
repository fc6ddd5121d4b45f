-- Claim again the files whose claims are gone while they are worked on: deleted by
-- hand, or because the file has another id after a failover. One row per claim made,
-- and one without an id per file whose URL is in the catalogue no more, or is in it but
-- not queued yet. A file without a row is somebody else's or done. The statement does
-- not wait for locks: a locked row is being claimed or finished.
with held_files as materialized (
    select
        held.url_sha1,
        audio_files.id as audio_file_id
    from unnest(%(url_sha1s)s::text[], %(urls)s::text[]) as held (url_sha1, url)
    left join media_pipeline.audio_files
        on
            held.url_sha1 = audio_files.url_sha1
            and held.url = audio_files.url
),

pending_files as materialized (
    select transcriptions.audio_file_id
    from media_pipeline.transcriptions
    where
        transcriptions.audio_file_id in (
            select held_files.audio_file_id from held_files
        )
        and transcriptions.status = 'pending'
    order by transcriptions.audio_file_id
    for no key update skip locked
),

claimed_files as (
    insert into media_pipeline.transcription_claims as existing_claim
    (audio_file_id, claimed_by, claimed_at, expires_at)
    select
        pending_files.audio_file_id,
        %(claimant)s as claimed_by,
        clock_timestamp() as claimed_at,
        now() + make_interval(secs => %(claim_ttl)s) as expires_at
    from pending_files
    order by pending_files.audio_file_id
    -- It is ours already where an answer was lost or the file was just claimed anew.
    on conflict (audio_file_id) do update
        set expires_at = excluded.expires_at
        where existing_claim.claimed_by = excluded.claimed_by
    returning existing_claim.audio_file_id, existing_claim.claimed_at
)

select
    held_files.url_sha1,
    claimed_files.audio_file_id,
    claimed_files.claimed_at
from held_files
left join claimed_files on held_files.audio_file_id = claimed_files.audio_file_id
where
    claimed_files.audio_file_id is not null
    or not exists (
        select from media_pipeline.transcriptions
        where transcriptions.audio_file_id = held_files.audio_file_id
    )
