-- Whether yoyo has created its table of applied migrations. One row.
select to_regclass('media_pipeline._yoyo_migration') is not null as has_bookkeeping
