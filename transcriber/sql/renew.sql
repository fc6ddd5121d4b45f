-- Prolong the claims that are still ours. One row per claim kept: a file not among them
-- is lost.
with own_claims as materialized (
    select transcription_claims.audio_file_id
    from media_pipeline.transcription_claims
    inner join
        unnest(%(audio_file_ids)s::bigint[], %(claimed_at)s::timestamptz[])
            as held (audio_file_id, claimed_at)
        on
            transcription_claims.audio_file_id = held.audio_file_id
            and transcription_claims.claimed_at = held.claimed_at
    where transcription_claims.claimed_by = %(worker)s
    order by transcription_claims.audio_file_id
    for update of transcription_claims
)

update media_pipeline.transcription_claims
set expires_at = now() + make_interval(secs => %(claim_ttl)s)
from own_claims
where transcription_claims.audio_file_id = own_claims.audio_file_id
returning transcription_claims.audio_file_id, transcription_claims.claimed_at
