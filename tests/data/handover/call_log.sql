SELECT
  a.phone,
  a.campaign_name,
  COALESCE(a.recording_id, 'N/A') AS recording_id,
  a.url AS location,
  a.duration_seconds,
  a.started,
  a.stopped
FROM media_pipeline.audio_files a
WHERE a.phone IS NOT NULL
ORDER BY a.phone, a.started NULLS LAST, a.id;
