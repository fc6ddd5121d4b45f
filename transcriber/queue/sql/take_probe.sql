-- Take the turn to look whether a service is back. One row at most: the service. The
-- next turn comes after half the time that the service has been away by now, at least
-- after a second and at most after a minute.
with due_outage as materialized (
    select service_outages.service
    from media_pipeline.service_outages
    where
        service_outages.next_try_at <= now()
        and service_outages.service != all(%(probed_already)s::text[])
        and (
            not service_outages.is_provider
            or service_outages.service = %(paused_as)s
        )
    order by service_outages.next_try_at
    limit 1
    for no key update skip locked
)

update media_pipeline.service_outages
set
    next_try_at
    = now()
    + least(
        greatest((now() - service_outages.since) / 2, interval '1 second'),
        interval '1 minute'
    )
from due_outage
where service_outages.service = due_outage.service
returning service_outages.service
