-- Tell every worker that a service is back.
delete from media_pipeline.service_outages
where service_outages.service = %(service)s
