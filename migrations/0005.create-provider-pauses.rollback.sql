-- Pauses may go: if a provider still refuses everything, the next run pauses it.

drop table if exists media_pipeline.provider_pauses;
