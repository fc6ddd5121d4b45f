{{ config(materialized='in_place_view') }}

-- Without a CTE, because PostgreSQL then merges this query into its reader's: for the
-- newest 20 calls it sorts first and joins later. Without file_states, because that
-- would read audio_files once more.
select
    audio_files.id as audio_file_id,
    audio_files.phone,
    audio_files.index_in_phone,
    audio_files.campaign_name,
    audio_files.url as location,
    audio_files.duration_seconds,
    audio_files.started,
    audio_files.stopped,
    media_pipeline.file_state(
        transcriptions.status,
        held_back_files.audio_file_id is not null,
        held_back_files.next_try_at,
        audio_files.id in (
            select live_claims.audio_file_id
            from {{ source('media_pipeline', 'live_claims') }} as live_claims
        )
    ) as transcript_status,
    transcriptions.transcript_text,
    coalesce(audio_files.recording_id, 'N/A') as recording_id
from {{ ref('audio_files') }} as audio_files
left join {{ source('media_pipeline', 'transcriptions') }} as transcriptions
    on audio_files.id = transcriptions.audio_file_id
left join {{ source('media_pipeline', 'held_back_files') }} as held_back_files
    on audio_files.id = held_back_files.audio_file_id
where audio_files.phone is not null
