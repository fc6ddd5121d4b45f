-- The filters of a run, for whatever reads claimable_files: the first 500 characters
-- of a campaign's name, which is what the index has; a phone as somebody typed it, by
-- the index of audio_files; the longest duration.
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
