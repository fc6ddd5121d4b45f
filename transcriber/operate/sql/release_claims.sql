-- Delete claims: those that have expired, a worker's, or a worker's that have expired.
-- `worker` is a worker's name, or the start of it up to a colon. One row per worker.
with chosen_claims as materialized (
    select transcription_claims.audio_file_id
    from media_pipeline.transcription_claims
    where
        -- A condition on the row, not on live_claims: after waiting for the row's lock,
        -- PostgreSQL checks it against the row that a worker has renewed meanwhile.
        (not %(only_expired)s or transcription_claims.expires_at <= now())
        and (
            %(worker)s::text is null
            or transcription_claims.claimed_by = %(worker)s::text
            or starts_with(transcription_claims.claimed_by, %(worker)s::text || ':')
        )
    order by transcription_claims.audio_file_id
    for update
),

released_claims as (
    delete from media_pipeline.transcription_claims
    using chosen_claims
    where transcription_claims.audio_file_id = chosen_claims.audio_file_id
    returning transcription_claims.claimed_by
)

select
    released_claims.claimed_by as worker,
    count(*) as files
from released_claims
group by released_claims.claimed_by
order by released_claims.claimed_by
