-- Claim again the files whose claims were deleted by hand while they were worked on,
-- unless somebody else was quicker or they are done. One row per claim made. Nothing is
-- waited for: a locked row is being claimed or finished.
with pending_files as materialized (
    select transcriptions.audio_file_id
    from media_pipeline.transcriptions
    where
        transcriptions.audio_file_id = any(%(audio_file_ids)s::bigint[])
        and transcriptions.status = 'pending'
    order by transcriptions.audio_file_id
    for no key update skip locked
)

insert into media_pipeline.transcription_claims as existing_claim
(audio_file_id, claimed_by, claimed_at, expires_at)
select
    pending_files.audio_file_id,
    %(worker)s as claimed_by,
    clock_timestamp() as claimed_at,
    now() + make_interval(secs => %(claim_ttl)s) as expires_at
from pending_files
order by pending_files.audio_file_id
-- ours already, where an answer was lost or the file was just claimed anew
on conflict (audio_file_id) do update
    set expires_at = excluded.expires_at
    where existing_claim.claimed_by = excluded.claimed_by
returning existing_claim.audio_file_id, existing_claim.claimed_at
