-- What a run must know before it begins: whether the migrations have created the
-- youngest object that a worker reads, and whether the server takes no writes. One row.
select
    to_regclass('media_pipeline.file_states') is not null as is_current,
    current_setting('transaction_read_only')::boolean as is_read_only
