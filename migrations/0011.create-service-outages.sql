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

-- A URL's host, with its port where the URL names one; null where there is none: what
-- stands between `://` and the next `/`, `?` or `#`, without a user's name before an
-- `@`. A regular expression takes three times as long, and a claim reads many hosts.
create or replace function media_pipeline.url_host(
    url text
) returns text language sql immutable parallel safe as $function$
    select
        nullif(
            lower(trim(reverse(split_part(reverse(
                split_part(split_part(split_part(
                    split_part(url, '://', 2), '/', 1), '?', 1), '#', 1)
            ), '@', 1)))),
            ''
        )
$function$;
