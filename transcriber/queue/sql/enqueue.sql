-- Queue the files of the catalogue that have no transcriptions row yet, those with an
-- id above `after_id`. One row: how many, and the highest id of the catalogue.
with new_files as (
    insert into media_pipeline.transcriptions (audio_file_id, status, metadata)
    select
        audio_files.id,
        case
            when
                transcription_failures.status = 'permanent'
                or transcription_failures.ignore_until > now()
                then 'failed'
            else 'pending'
        end as status,
        jsonb_build_object(
            'queue',
            jsonb_build_object(
                'started',
                extract(
                    epoch from coalesce(audio_files.started, audio_files.created_at)
                ),
                'campaign',
                left(audio_files.campaign_name, 500),  -- what an index takes
                'audio_seconds',
                audio_files.duration_seconds
            )
        ) as metadata
    from media_pipeline.audio_files
    left join media_pipeline.transcription_failures
        on
            audio_files.id = transcription_failures.audio_file_id
            and transcription_failures.audio_file_id > %(after_id)s
    where
        audio_files.id > %(after_id)s
        and not exists (
            select from media_pipeline.transcriptions
            where
                transcriptions.audio_file_id = audio_files.id
                -- said again, or all transcriptions would be read for a few new files
                and transcriptions.audio_file_id > %(after_id)s
        )
    order by audio_files.id
    on conflict (audio_file_id) do nothing
    returning transcriptions.audio_file_id
)

select
    (select count(*) from new_files) as queued,
    (select coalesce(max(audio_files.id), 0) from media_pipeline.audio_files) as last_id
