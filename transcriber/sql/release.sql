-- Give back whatever a worker still holds, so that others need not wait for the expiry.
delete from media_pipeline.transcription_claims
where transcription_claims.claimed_by = %(worker)s
