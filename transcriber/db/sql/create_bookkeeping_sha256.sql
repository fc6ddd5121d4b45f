-- Ask first, because only the owner of the table may run `add column if not exists`,
-- even if the column exists.
do $do$
begin
    if not exists (
        select from pg_attribute
        where
            attrelid = to_regclass('media_pipeline._yoyo_migration')
            and attname = 'sha256'
            and not attisdropped
    ) then
        alter table media_pipeline._yoyo_migration add column sha256 text;
    end if;
end
$do$
