-- The filters of a run, for whatever reads claimable_files: a campaign's name as far as
-- an index takes it, a phone by its own index and as typed, the longest duration.
and (
    %(campaign)s::text is null
    or claimable_files.campaign_name = left(%(campaign)s::text, 500)
)
and (
    %(max_duration)s::double precision is null
    or claimable_files.duration_seconds <= %(max_duration)s::double precision
)
and (
    %(phone)s::text is null
    or claimable_files.audio_file_id = any(
        array(
            select audio_files.id
            from media_pipeline.audio_files
            -- As the refresh does it (normalized_phone).
            where
                audio_files.phone = regexp_replace(%(phone)s::text, '[^0-9+]', '', 'g')
        )
    )
)
