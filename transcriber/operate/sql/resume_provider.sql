-- Delete a provider's pause. One row, the pause; no row if the provider is not paused.
delete from media_pipeline.provider_pauses
where provider_pauses.provider = %(provider)s
returning
    provider_pauses.provider,
    provider_pauses.reason,
    provider_pauses.paused_by,
    provider_pauses.paused_at
