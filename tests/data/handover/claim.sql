INSERT INTO media_pipeline.transcription_claims (audio_file_id, claimed_by, expires_at)
VALUES (:audio_file_id, :claimed_by, (now() + make_interval(mins := :ttl)))
ON CONFLICT (audio_file_id) DO NOTHING;
