-- Whether the migrations have created the youngest object that a worker reads.
select to_regclass('media_pipeline.file_states') is not null as is_current
