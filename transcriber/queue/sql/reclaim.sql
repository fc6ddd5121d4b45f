-- Claim again the files whose claims were deleted by hand while they were worked on,
-- unless somebody else was quicker, they are done, or their ids belong to other URLs by
-- now. One row per claim made. The statement does not wait for locks: a locked row is
-- being claimed or finished.
with pending_files as materialized (
    select transcriptions.audio_file_id
    from media_pipeline.transcriptions
    inner join media_pipeline.audio_files
        on transcriptions.audio_file_id = audio_files.id
    inner join
        unnest(
            %(audio_file_ids)s::bigint[], %(url_sha1s)s::text[], %(urls)s::text[]
        ) as held (audio_file_id, url_sha1, url)
        on
            audio_files.id = held.audio_file_id
            and audio_files.url_sha1 = held.url_sha1
            and audio_files.url = held.url
    where transcriptions.status = 'pending'
    order by transcriptions.audio_file_id
    for no key update of transcriptions skip locked
)

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
