-- the planner guesses again

drop statistics if exists media_pipeline.st_transcriptions_queue_campaign;
