-- Outages may go: if a service is still away, the next run finds out again.

drop function if exists media_pipeline.url_host(text);

drop table if exists media_pipeline.service_outages;
