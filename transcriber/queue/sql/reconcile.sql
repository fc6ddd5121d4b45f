-- Make transcriptions agree with what people did by hand to the failures or the queue:
-- pending where no failure holds a file back any more, failed where one does, and with
-- a place in the queue where another program wrote the row. One row: how many rows
-- changed.
with held_back_files as materialized (
    select held_back_files.audio_file_id
    from media_pipeline.held_back_files
),

disagreeing_files as (
    select transcriptions.audio_file_id
    from media_pipeline.transcriptions
    where
        transcriptions.status = 'failed'
        and not exists (
            select from held_back_files
            where held_back_files.audio_file_id = transcriptions.audio_file_id
        )
    union all
    select queued_files.audio_file_id
    from media_pipeline.queued_files
    inner join held_back_files
        on queued_files.audio_file_id = held_back_files.audio_file_id
    union all
    select queued_files.audio_file_id
    from media_pipeline.queued_files
    where queued_files.started is null
),

-- Locked by ascending id, as everywhere; rows that somebody works on now are skipped.
locked_transcriptions as materialized (
    select transcriptions.audio_file_id
    from media_pipeline.transcriptions
    where
        transcriptions.audio_file_id in (
            select disagreeing_files.audio_file_id from disagreeing_files
        )
        and transcriptions.status in ('pending', 'failed')
    order by transcriptions.audio_file_id
    for no key update skip locked
),

agreeing_files as (
    update media_pipeline.transcriptions
    set
        status = case
            when held_back_files.audio_file_id is null then 'pending' else 'failed'
        end,
        metadata = media_pipeline.queue_entry(
            audio_files.started, audio_files.created_at, audio_files.campaign_name
        )
    from locked_transcriptions
    inner join media_pipeline.audio_files
        on locked_transcriptions.audio_file_id = audio_files.id
    left join held_back_files on audio_files.id = held_back_files.audio_file_id
    where transcriptions.audio_file_id = locked_transcriptions.audio_file_id
    returning transcriptions.audio_file_id
)

select count(*) as changed from agreeing_files
