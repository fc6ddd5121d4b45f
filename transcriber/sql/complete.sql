-- Write a transcript back and release its claim. One row: how many transcripts were
-- written. 0 says that the file is no longer ours: somebody else claimed or finished
-- it, or it is gone. A result whose claim was merely deleted is kept, since it has been
-- paid for. Lock order, here as everywhere: the transcriptions row, then the claim.
with locked_transcription as materialized (
    select transcriptions.status
    from media_pipeline.transcriptions
    where transcriptions.audio_file_id = %(audio_file_id)s
    for no key update
),

released_claim as (
    delete from media_pipeline.transcription_claims
    where
        transcription_claims.audio_file_id = %(audio_file_id)s
        and transcription_claims.claimed_by = %(worker)s
        and transcription_claims.claimed_at = %(claimed_at)s
        and (select count(*) from locked_transcription) >= 0
    returning transcription_claims.audio_file_id
),

owned_file as (
    select audio_files.id
    from media_pipeline.audio_files
    where
        audio_files.id = %(audio_file_id)s
        and (
            exists (select from released_claim)
            or not exists (
                select from media_pipeline.transcription_claims
                where transcription_claims.audio_file_id = audio_files.id
            )
        )
        and not exists (
            select from locked_transcription
            where locked_transcription.status = 'completed'
        )
),

written_transcription as (
    insert into media_pipeline.transcriptions as existing_transcription
    (
        audio_file_id, provider, model, status, completed_at,
        transcript_text, segments, diarization, metadata, raw_response
    )
    select
        owned_file.id,
        %(provider)s as provider,
        %(model)s as model,
        'completed' as status,
        now() as completed_at,
        %(transcript_text)s as transcript_text,
        %(segments)s::jsonb as segments,
        %(diarization)s::jsonb as diarization,
        %(metadata)s::jsonb as metadata,
        %(raw_response)s::jsonb as raw_response
    from owned_file
    on conflict (audio_file_id) do update
        set
            provider = excluded.provider,
            model = excluded.model,
            status = excluded.status,
            completed_at = excluded.completed_at,
            transcript_text = excluded.transcript_text,
            segments = excluded.segments,
            diarization = excluded.diarization,
            metadata = excluded.metadata,
            raw_response = excluded.raw_response
        where existing_transcription.status != 'completed'
    returning existing_transcription.audio_file_id
),

forgotten_failure as (
    delete from media_pipeline.transcription_failures
    using written_transcription
    where transcription_failures.audio_file_id = written_transcription.audio_file_id
),

described_file as (
    update media_pipeline.audio_files
    set
        content_sha256 = %(content_sha256)s,
        file_size_bytes = %(file_size_bytes)s
    from written_transcription
    where
        audio_files.id = written_transcription.audio_file_id
        and (
            audio_files.content_sha256 is distinct from %(content_sha256)s
            or audio_files.file_size_bytes is distinct from %(file_size_bytes)s
        )
)

select count(*) as written from written_transcription
