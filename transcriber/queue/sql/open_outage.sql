-- Tell every worker that a service is away; the first look is after a second. A row
-- that is there already keeps its time and its reason.
insert into media_pipeline.service_outages
(service, is_provider, reason, next_try_at)
values (
    %(service)s,
    %(is_provider)s,
    left(%(error)s::text, 2000),
    now() + interval '1 second'
)
on conflict (service) do nothing
