-- The applied migrations in order. The column sha256 is missing until a run of this
-- backend adds it; `to_jsonb` returns null then. One row per migration.
select
    migration_id,
    applied_at_utc,
    to_jsonb(_yoyo_migration) ->> 'sha256' as sha256
from media_pipeline._yoyo_migration
order by applied_at_utc, migration_id
