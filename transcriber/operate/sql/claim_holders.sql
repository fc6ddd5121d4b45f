-- Who works on how many files, and until when the first of these claims holds. One row
-- per worker.
select
    transcription_claims.claimed_by as worker,
    count(*) as files,
    count(*) filter (where transcription_claims.expires_at <= now()) as expired_files,
    -- a claim without this time never ends, and Python knows no infinity
    nullif(min(coalesce(transcription_claims.expires_at, 'infinity')), 'infinity')
        as expires_at
from media_pipeline.transcription_claims
group by transcription_claims.claimed_by
order by transcription_claims.claimed_by
