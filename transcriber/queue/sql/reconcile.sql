-- Make transcriptions agree with what anybody did by hand to the failures or the queue:
-- pending where no failure holds a file back any more, failed where one does, and with
-- a place in the queue where somebody else wrote the row. One row: how many rows
-- changed.
with held_back_files as materialized (
    select transcription_failures.audio_file_id
    from media_pipeline.transcription_failures
    where
        transcription_failures.status = 'permanent'
        or transcription_failures.ignore_until > now()
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
    select transcriptions.audio_file_id
    from media_pipeline.transcriptions
    inner join held_back_files
        on transcriptions.audio_file_id = held_back_files.audio_file_id
    where transcriptions.status = 'pending'
    union all
    select transcriptions.audio_file_id
    from media_pipeline.transcriptions
    where
        transcriptions.status = 'pending'
        and (transcriptions.metadata #>> '{queue,started}')::double precision is null
),

-- locked as everywhere, by ascending id; skipped where somebody works on it just now
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
        metadata = jsonb_build_object(
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
        )
    from locked_transcriptions
    inner join media_pipeline.audio_files
        on locked_transcriptions.audio_file_id = audio_files.id
    left join held_back_files on audio_files.id = held_back_files.audio_file_id
    where transcriptions.audio_file_id = locked_transcriptions.audio_file_id
    returning transcriptions.audio_file_id
)

select count(*) as changed from agreeing_files
