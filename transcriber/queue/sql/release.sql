-- Give back what a worker holds, but for the files it still works on, so that others
-- need not wait for the expiry.
with own_claims as materialized (
    select transcription_claims.audio_file_id
    from media_pipeline.transcription_claims
    where
        transcription_claims.claimed_by = %(worker)s
        and transcription_claims.audio_file_id != all(%(kept_ids)s::bigint[])
    -- the lock order: without it, two deadlocks in 2,000 files
    order by transcription_claims.audio_file_id
    for update
)

delete from media_pipeline.transcription_claims
using own_claims
where transcription_claims.audio_file_id = own_claims.audio_file_id
