-- refuses to drop rows: they may be older than these migrations

do $do$
begin
    -- so that no row comes between the look and the drop; no other table has rows
    -- without rows here
    lock table media_pipeline.audio_files in access exclusive mode;
    if exists (select from media_pipeline.audio_files) then
        raise exception
            'media_pipeline.audio_files holds rows, and a rollback never drops data'
            using
                hint = 'save what you need, and truncate the four tables together';
    end if;
end
$do$;

drop table if exists media_pipeline.transcription_claims;
drop table if exists media_pipeline.transcription_failures;
drop table if exists media_pipeline.transcriptions;
drop table if exists media_pipeline.audio_files;
