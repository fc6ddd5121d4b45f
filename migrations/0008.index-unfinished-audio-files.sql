-- the refresh: the few files that lack something, found without reading all the others
-- depends: 0007.create-queue-statistics
-- transactional: false

-- built without a lock that stops writers; a killed build leaves an invalid index
drop index concurrently if exists media_pipeline.ix_audio_files_unnumbered;

-- phones with a call that has no number yet
create index concurrently if not exists ix_audio_files_unnumbered
on media_pipeline.audio_files (phone)
where index_in_phone is null;

drop index concurrently if exists media_pipeline.ix_audio_files_gaps;

-- calls whose times may be repaired in the dialer
create index concurrently if not exists ix_audio_files_gaps
on media_pipeline.audio_files (id)
where started is null or stopped is null or duration_seconds is null;
