-- Stop every worker that shares a provider's key, model and base URL, until a person
-- runs `transcriber resume` or starts workers with others.
insert into media_pipeline.provider_pauses (provider, reason, paused_by)
values (%(paused_as)s, %(reason)s, %(claimant)s)
on conflict (provider) do nothing
