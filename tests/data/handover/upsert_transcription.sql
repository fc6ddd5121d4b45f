INSERT INTO media_pipeline.transcriptions (
  audio_file_id, provider, model, status, created_at, completed_at,
  transcript_text, segments, diarization, metadata, raw_response, b2_transcript_key
) VALUES (
  :audio_file_id, :provider, :model, :status, now(), :completed_at,
  :transcript_text, :segments::jsonb, :diarization::jsonb, :metadata::jsonb, :raw_response::jsonb, :b2_transcript_key
)
ON CONFLICT (audio_file_id) DO UPDATE SET
  provider         = EXCLUDED.provider,
  model            = EXCLUDED.model,
  status           = EXCLUDED.status,
  completed_at     = EXCLUDED.completed_at,
  transcript_text  = EXCLUDED.transcript_text,
  segments         = EXCLUDED.segments,
  diarization      = EXCLUDED.diarization,
  metadata         = EXCLUDED.metadata,
  raw_response     = EXCLUDED.raw_response,
  b2_transcript_key= EXCLUDED.b2_transcript_key;
