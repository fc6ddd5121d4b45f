-- Stop every worker with this key, model and base URL of a provider, until a person
-- runs `transcriber resume`. Workers with another key go on.
insert into media_pipeline.provider_pauses (provider, reason, paused_by)
values (%(paused_as)s, %(reason)s, %(claimant)s)
on conflict (provider) do nothing
