-- Delete a provider's pauses, those of all its accounts. One row per pause.
delete from media_pipeline.provider_pauses
where split_part(provider_pauses.provider, ':', 1) = %(provider)s
returning
    provider_pauses.reason,
    provider_pauses.paused_by,
    provider_pauses.paused_at,
    split_part(provider_pauses.provider, ':', 1) as provider,
    nullif(split_part(provider_pauses.provider, ':', 2), '') as account_hash
