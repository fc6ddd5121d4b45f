-- a pause that still holds would only be found again

drop table if exists media_pipeline.provider_pauses;
