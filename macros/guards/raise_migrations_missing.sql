{#- Ends the run with the message that the database lacks something, and that the migrations create it.

    {% do raise_migrations_missing('the schema media_pipeline') %}
    -> the schema media_pipeline does not exist: run the migrations first (transcriber migrate)
-#}
{% macro raise_migrations_missing(missing) -%}
{%- do exceptions.raise_compiler_error(missing ~ " does not exist: run the migrations first (transcriber migrate)") -%}
{%- endmacro %}
