-- the state of a file, for a view that joins these tables anyway
-- depends: 0009.define-file-states

-- The states in their order. `other` is a status that only another program knows; null
-- says that the file has no row. PostgreSQL inlines the function.
create or replace function media_pipeline.file_state(
    status text,
    is_held_back boolean,
    next_try_at timestamptz,
    is_claimed boolean
) returns text language sql immutable parallel safe as $function$
    select
        case
            when status = 'completed' then 'completed'
            when status not in ('pending', 'failed') then 'other'
            when next_try_at is not null then 'cooling_down'
            when is_held_back then 'failed'
            when is_claimed then 'claimed'
            when status is null then 'not_queued'
            else 'pending'
        end
$function$;

-- Every audio file in one state; next_try_at is known of files that are cooling down.
create or replace view media_pipeline.file_states as
select
    audio_files.id as audio_file_id,
    media_pipeline.file_state(
        transcriptions.status,
        held_back_files.audio_file_id is not null,
        held_back_files.next_try_at,
        live_claims.audio_file_id is not null
    ) as state,
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
