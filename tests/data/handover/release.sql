DELETE FROM media_pipeline.transcription_claims WHERE audio_file_id = :audio_file_id;
