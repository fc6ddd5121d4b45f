-- List the pauses. One row per provider and account; a pause without an account is for
-- all of them.
select
    provider_pauses.reason,
    provider_pauses.paused_by,
    provider_pauses.paused_at,
    split_part(provider_pauses.provider, ':', 1) as provider,
    nullif(split_part(provider_pauses.provider, ':', 2), '') as account_hash
from media_pipeline.provider_pauses
order by provider_pauses.provider
