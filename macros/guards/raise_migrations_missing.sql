{#- Ends the run where the database lacks something that the migrations create.

    {% do raise_migrations_missing('the schema media_pipeline') %}
-#}
{% macro raise_migrations_missing(what) -%}
{%- do exceptions.raise_compiler_error(what ~ " does not exist: run the migrations first (transcriber migrate)") -%}
{%- endmacro %}
