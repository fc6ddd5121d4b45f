-- what was applied and when; the column sha256 is ours, missing until our first run
select
    migration_id,
    applied_at_utc,
    to_jsonb(_yoyo_migration) ->> 'sha256' as sha256
from media_pipeline._yoyo_migration
order by applied_at_utc, migration_id
