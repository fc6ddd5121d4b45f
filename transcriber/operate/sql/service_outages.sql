-- List the hosts and the providers that are away. One row each.
select
    service_outages.service,
    service_outages.reason,
    service_outages.since,
    service_outages.next_try_at
from media_pipeline.service_outages
order by service_outages.since, service_outages.service
