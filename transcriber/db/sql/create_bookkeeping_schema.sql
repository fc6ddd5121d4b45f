-- Ask first, because `create schema if not exists` needs the privilege to create
-- schemas even if the schema exists.
do $do$
begin
    if to_regnamespace('media_pipeline') is null then
        create schema media_pipeline;
    end if;
end
$do$
