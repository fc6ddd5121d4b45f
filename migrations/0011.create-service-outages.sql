-- services that are away: hosts of recordings, and providers; every worker sees it
-- depends: 0010.create-file-state

-- `service` is a host as url_host returns it, or a provider's name with a hash of its
-- account. A worker that looks whether the service is back moves `next_try_at` first,
-- so that the whole fleet looks once.
create table if not exists media_pipeline.service_outages (
    service text,
    is_provider boolean not null,
    reason text not null,
    since timestamptz not null default now(),
    next_try_at timestamptz not null,
    constraint service_outages_pkey primary key (service)
);

-- A URL's host, with its port where the URL names one; null where there is none.
create or replace function media_pipeline.url_host(
    url text
) returns text language sql immutable parallel safe as $function$
    select lower(substring(url from '^\s*[A-Za-z]+://(?:[^/?#@]*@)?([^/?#@\s]+)'))
$function$;
