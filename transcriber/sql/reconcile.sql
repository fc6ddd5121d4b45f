-- Make transcriptions.status agree with what anybody did by hand to the failures or the
-- queue: pending where no failure holds a file back any more, failed where one does;
-- and give a place in the queue to pending rows that somebody else wrote. One row: how
-- many rows changed.
with held_back_files as materialized (
    select transcription_failures.audio_file_id
    from media_pipeline.transcription_failures
    where
        transcription_failures.status = 'permanent'
        or transcription_failures.ignore_until > now()
),

retried_files as (
    update media_pipeline.transcriptions
    set status = 'pending'
    where
        transcriptions.status = 'failed'
        and not exists (
            select from held_back_files
            where held_back_files.audio_file_id = transcriptions.audio_file_id
        )
    returning transcriptions.audio_file_id
),

failed_files as (
    update media_pipeline.transcriptions
    set status = 'failed'
    from held_back_files
    where
        transcriptions.audio_file_id = held_back_files.audio_file_id
        and transcriptions.status = 'pending'
    returning transcriptions.audio_file_id
),

placed_files as (
    update media_pipeline.transcriptions
    set
        metadata = jsonb_build_object(
            'queue',
            jsonb_build_object(
                'started',
                extract(
                    epoch from coalesce(audio_files.started, audio_files.created_at)
                ),
                'campaign',
                audio_files.campaign_name
            )
        )
    from media_pipeline.audio_files
    where
        transcriptions.audio_file_id = audio_files.id
        and transcriptions.status = 'pending'
        and (transcriptions.metadata #>> '{queue,started}')::double precision is null
        and not exists (
            select from held_back_files
            where held_back_files.audio_file_id = transcriptions.audio_file_id
        )
    returning transcriptions.audio_file_id
)

select
    (select count(*) from retried_files)
    + (select count(*) from failed_files)
    + (select count(*) from placed_files) as changed
