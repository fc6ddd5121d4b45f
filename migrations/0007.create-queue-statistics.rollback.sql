-- PostgreSQL goes back to its default estimates.

drop statistics if exists media_pipeline.st_transcriptions_queue_campaign;
