-- Count the files that still need work, and add up their durations as far as the
-- catalogue knows them: the files in the queue, those that a failure holds back, and
-- those with an id above `after_id` that no run has put into the queue yet. One row per
-- state.
--
-- The states are those of file_states. Rejected: reading them there, because that view
-- joins each of a million files with its transcription: 3.1 s instead of 0.06 s, and
-- 0.15 s if joined to the branches below. Revisit when a state depends on one more
-- table. The first two branches are for the two partial indexes: with `status in
-- ('pending', 'failed')` PostgreSQL reads every transcript, which takes 0.25 to 0.5 s
-- more. Joined in each branch, the durations took 0.18 s instead of 0.06 s.
with open_files as (
    select
        transcriptions.audio_file_id,
        true as is_queued
    from media_pipeline.transcriptions
    where transcriptions.status = 'pending'
    union all
    select
        transcriptions.audio_file_id,
        true as is_queued
    from media_pipeline.transcriptions
    where transcriptions.status = 'failed'
    union all
    select
        audio_files.id as audio_file_id,
        false as is_queued
    from media_pipeline.audio_files
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
),

judged_files as (
    select
        audio_files.duration_seconds,
        held_back_files.next_try_at,
        case
            when held_back_files.next_try_at is not null then 'cooling_down'
            when held_back_files.audio_file_id is not null then 'failed'
            when live_claims.audio_file_id is not null then 'claimed'
            when open_files.is_queued then 'pending'
            else 'not_queued'
        end as state
    from open_files
    inner join media_pipeline.audio_files
        on open_files.audio_file_id = audio_files.id
    left join media_pipeline.held_back_files
        on open_files.audio_file_id = held_back_files.audio_file_id
    left join media_pipeline.live_claims
        on open_files.audio_file_id = live_claims.audio_file_id
)

select
    judged_files.state,
    count(*) as files,
    sum(judged_files.duration_seconds) as audio_seconds,
    min(judged_files.next_try_at) as next_try_at
from judged_files
group by judged_files.state
