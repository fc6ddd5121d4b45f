-- Stop every worker of a provider until a person runs `transcriber resume`.
insert into media_pipeline.provider_pauses (provider, reason, paused_by)
values (%(provider)s, %(reason)s, %(claimant)s)
on conflict (provider) do nothing
