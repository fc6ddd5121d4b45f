INSERT INTO media_pipeline.transcription_failures (
  audio_file_id, provider, model, status, error_code, error, ignore_until
) VALUES (
  :audio_file_id, :provider, :model, :status, :error_code, :error,
  CASE WHEN :status = 'transient' THEN (now() + make_interval(mins := :cooldown_minutes)) ELSE NULL END
)
ON CONFLICT (audio_file_id) DO UPDATE SET
  last_attempt_at = now(),
  attempts        = media_pipeline.transcription_failures.attempts + 1,
  status          = EXCLUDED.status,
  error_code      = EXCLUDED.error_code,
  error           = EXCLUDED.error,
  ignore_until    = EXCLUDED.ignore_until;
