-- Queue the files of the catalogue that have no transcriptions row yet, those with an
-- id above `after_id`. One row: how many, and the highest id of the catalogue.
with new_files as (
    insert into media_pipeline.transcriptions (audio_file_id, status, metadata)
    select
        audio_files.id,
        case
            when held_back_files.audio_file_id is null then 'pending' else 'failed'
        end as status,
        media_pipeline.queue_entry(
            audio_files.started, audio_files.created_at, audio_files.campaign_name
        ) as metadata
    from media_pipeline.audio_files
    left join media_pipeline.held_back_files
        on
            audio_files.id = held_back_files.audio_file_id
            and held_back_files.audio_file_id > %(after_id)s
    where
        audio_files.id > %(after_id)s
        and not exists (
            select from media_pipeline.transcriptions
            where
                transcriptions.audio_file_id = audio_files.id
                -- Repeated, because PostgreSQL does not infer it from the join: it
                -- would read all transcriptions for a few new files.
                and transcriptions.audio_file_id > %(after_id)s
        )
    order by audio_files.id
    on conflict (audio_file_id) do nothing
    returning transcriptions.audio_file_id
)

select
    (select count(*) from new_files) as queued,
    (select coalesce(max(audio_files.id), 0) from media_pipeline.audio_files) as last_id
