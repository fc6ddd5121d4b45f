-- Refuses to drop rows, because they may be older than these migrations.

do $do$
begin
    -- Locked, so that no row arrives between this look and the drop. The other tables
    -- have no rows when this one has no rows.
    lock table media_pipeline.audio_files in access exclusive mode;
    if exists (select from media_pipeline.audio_files) then
        raise exception
            'media_pipeline.audio_files holds rows, and a rollback never drops data'
            using
                hint = 'save what you need, and truncate the four tables together';
    end if;
end
$do$;

-- dbt's view; the next `dbt build` makes it again.
drop view if exists media_pipeline.phone_history;

drop table if exists media_pipeline.transcription_claims;
drop table if exists media_pipeline.transcription_failures;
drop table if exists media_pipeline.transcriptions;
drop table if exists media_pipeline.audio_files;
