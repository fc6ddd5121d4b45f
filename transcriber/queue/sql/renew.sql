-- Prolong the claims that are still ours. One row per claim kept: a file not among them
-- is lost. A claim on a file whose URL was changed is released, because what is being
-- transcribed is not that file any more.
with own_claims as materialized (
    select
        transcription_claims.audio_file_id,
        held.url_sha1,
        audio_files.url_sha1 = held.url_sha1
        and audio_files.url = held.url as is_same_file
    from media_pipeline.transcription_claims
    inner join
        unnest(
            %(audio_file_ids)s::bigint[],
            %(claimed_at)s::timestamptz[],
            %(url_sha1s)s::text[],
            %(urls)s::text[]
        ) as held (audio_file_id, claimed_at, url_sha1, url)
        on
            transcription_claims.audio_file_id = held.audio_file_id
            and transcription_claims.claimed_at = held.claimed_at
    inner join media_pipeline.audio_files
        on transcription_claims.audio_file_id = audio_files.id
    where transcription_claims.claimed_by = %(claimant)s
    order by transcription_claims.audio_file_id
    for update of transcription_claims
),

outdated_claims as (
    delete from media_pipeline.transcription_claims
    using own_claims
    where
        transcription_claims.audio_file_id = own_claims.audio_file_id
        and not own_claims.is_same_file
)

update media_pipeline.transcription_claims
set expires_at = now() + make_interval(secs => %(claim_ttl)s)
from own_claims
where
    transcription_claims.audio_file_id = own_claims.audio_file_id
    and own_claims.is_same_file
returning
    own_claims.url_sha1,
    transcription_claims.audio_file_id,
    transcription_claims.claimed_at
