-- a view holds nothing

drop view if exists media_pipeline.claimable_files;
