-- List the paused providers. One row per provider.
select
    provider_pauses.provider,
    provider_pauses.reason,
    provider_pauses.paused_by,
    provider_pauses.paused_at
from media_pipeline.provider_pauses
order by provider_pauses.provider
