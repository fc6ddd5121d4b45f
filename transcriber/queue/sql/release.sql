-- Give back a worker's claims, but for the files that it still works on, so that others
-- need not wait until they expire.
with own_claims as materialized (
    select transcription_claims.audio_file_id
    from media_pipeline.transcription_claims
    where
        transcription_claims.claimed_by = %(claimant)s
        and transcription_claims.audio_file_id != all(%(kept_ids)s::bigint[])
    -- The lock order: without it there were two deadlocks in 2,000 files.
    order by transcription_claims.audio_file_id
    for update
)

delete from media_pipeline.transcription_claims
using own_claims
where transcription_claims.audio_file_id = own_claims.audio_file_id
