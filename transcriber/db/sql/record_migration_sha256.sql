-- Record the content with which a migration was applied, to notice a later edit.
update media_pipeline._yoyo_migration
set sha256 = %(sha256)s
where migration_id = %(migration_id)s
