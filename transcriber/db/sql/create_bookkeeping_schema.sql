-- asked first: `create schema if not exists` wants a privilege even where it exists
do $do$
begin
    if to_regnamespace('media_pipeline') is null then
        create schema media_pipeline;
    end if;
end
$do$
