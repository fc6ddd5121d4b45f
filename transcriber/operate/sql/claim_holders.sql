-- List the workers that hold claims, with the number of their files and the time when
-- the first of their claims expires. One row per worker.
select
    transcription_claims.claimed_by as worker,
    count(*) as files,
    count(*) - count(live_claims.audio_file_id) as expired_files,
    -- Null if their claims never expire, because Python cannot read 'infinity'.
    nullif(min(coalesce(transcription_claims.expires_at, 'infinity')), 'infinity')
        as expires_at
from media_pipeline.transcription_claims
left join media_pipeline.live_claims
    on transcription_claims.audio_file_id = live_claims.audio_file_id
group by transcription_claims.claimed_by
order by transcription_claims.claimed_by
