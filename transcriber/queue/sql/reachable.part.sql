-- Only files whose host and provider are not away. A probe takes a file of the service
-- that it looks for, and none that was tried in vain. Nearly always there is no outage;
-- then no URL is looked at.
and (
    not exists (select from outages)
    or (
        claimable_files.audio_file_id != all(%(tried_ids)s::bigint[])
        and (
            %(is_probe)s or not exists (select from outages where outages.is_provider)
        )
        and (
            select
                case
                    when %(probed_host)s::text is not null
                        then found.host = %(probed_host)s::text
                    else
                        coalesce(found.host, '') != all(
                            array(
                                select outages.service
                                from outages
                                where not outages.is_provider
                            )
                        )
                end
            from (
                select media_pipeline.url_host(audio_files.url) as host
                from media_pipeline.audio_files
                where audio_files.id = claimable_files.audio_file_id
            ) as found
        )
    )
)
