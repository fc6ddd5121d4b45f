SELECT
  a.phone,
  a.campaign_name,
  COUNT(*) AS total_recordings,
  MIN(a.started) AS first_call_time,
  MAX(a.started) AS last_call_time,
  STRING_AGG(a.url, E'\n' ORDER BY a.started NULLS LAST) AS recording_urls
FROM media_pipeline.audio_files a
GROUP BY a.phone, a.campaign_name
ORDER BY a.phone, first_call_time;
