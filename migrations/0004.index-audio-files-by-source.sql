-- which source rows are loaded already: the anti-join of the refresh
-- depends: 0003.create-try-timestamptz
-- transactional: false

-- a killed build leaves an invalid index, which `if not exists` would take for ours
drop index concurrently if exists media_pipeline.ix_audio_files_source;

-- without a lock that stops writers, since an adopted table may be large
create index concurrently if not exists ix_audio_files_source
on media_pipeline.audio_files (source_table, source_row_id);
