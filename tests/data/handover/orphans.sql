SELECT COUNT(*) AS orphan_transcriptions
FROM media_pipeline.transcriptions t
LEFT JOIN media_pipeline.audio_files a ON a.id = t.audio_file_id
WHERE a.id IS NULL;
