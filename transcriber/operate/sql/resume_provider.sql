-- Lift a pause. One row with what it was, or none.
delete from media_pipeline.provider_pauses
where provider_pauses.provider = %(provider)s
returning
    provider_pauses.provider,
    provider_pauses.reason,
    provider_pauses.paused_by,
    provider_pauses.paused_at
