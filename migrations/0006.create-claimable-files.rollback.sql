-- The view holds no data.

drop view if exists media_pipeline.claimable_files;
