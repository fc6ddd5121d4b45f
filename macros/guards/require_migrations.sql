{#- Ends the run on a database to which the migrations were not applied; the four tables alone are not
    enough, because deployments older than the migrations have them, too.

    on-run-start: "{{ require_migrations() }}"
-#}
{% macro require_migrations() -%}
{%- if execute -%}
    {%- set missing = run_query("
        select name
        from (values
            ('the table media_pipeline.audio_files', to_regclass('media_pipeline.audio_files')::oid),
            ('the table media_pipeline.transcriptions', to_regclass('media_pipeline.transcriptions')),
            ('the function media_pipeline.url_sha1', to_regprocedure('media_pipeline.url_sha1(text)')),
            ('the function media_pipeline.try_timestamptz', to_regprocedure('media_pipeline.try_timestamptz(text, text)')),
            ('the view media_pipeline.file_states', to_regclass('media_pipeline.file_states')),
            ('the function media_pipeline.file_state', to_regprocedure('media_pipeline.file_state(text, boolean, timestamptz, boolean)'))
        ) as needed (name, found)
        where found is null
    ").columns[0].values() -%}
    {%- if missing -%}{%- do raise_migrations_missing(missing[0]) -%}{%- endif -%}
{%- endif -%}
{%- endmacro %}
