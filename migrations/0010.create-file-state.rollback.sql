-- The view is made as migration 0009 made it, in place: dbt's views over it stay.

create or replace view media_pipeline.file_states as
select
    audio_files.id as audio_file_id,
    case
        when transcriptions.status = 'completed' then 'completed'
        when transcriptions.status not in ('pending', 'failed') then 'other'
        when held_back_files.next_try_at is not null then 'cooling_down'
        when held_back_files.audio_file_id is not null then 'failed'
        when live_claims.audio_file_id is not null then 'claimed'
        when transcriptions.status is null then 'not_queued'
        else 'pending'
    end as state,
    case
        when coalesce(transcriptions.status, 'pending') in ('pending', 'failed')
            then held_back_files.next_try_at
    end as next_try_at
from media_pipeline.audio_files
left join media_pipeline.transcriptions
    on audio_files.id = transcriptions.audio_file_id
left join media_pipeline.held_back_files
    on audio_files.id = held_back_files.audio_file_id
left join media_pipeline.live_claims
    on audio_files.id = live_claims.audio_file_id;

-- dbt's view; the next `dbt build` makes it again.
drop view if exists media_pipeline.call_log;

drop function if exists media_pipeline.file_state(text, boolean, timestamptz, boolean);
