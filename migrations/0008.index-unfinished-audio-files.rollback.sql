-- transactional: false

drop index concurrently if exists media_pipeline.ix_audio_files_gaps;
drop index concurrently if exists media_pipeline.ix_audio_files_unnumbered;
