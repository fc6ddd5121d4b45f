-- transactional: false

drop index concurrently if exists media_pipeline.ix_transcription_failures_due;
drop index concurrently if exists media_pipeline.ix_transcriptions_failed;
drop index concurrently if exists media_pipeline.ix_transcriptions_queue_campaign;
drop index concurrently if exists media_pipeline.ix_transcriptions_queue;
