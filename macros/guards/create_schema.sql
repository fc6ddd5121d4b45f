{#- Overrides dbt's own, which would create an empty schema: the migrations own it.

    {% do create_schema(this) %} -> the schema media_pipeline does not exist: run the migrations first
-#}
{% macro create_schema(relation) -%}
{%- do raise_migrations_missing("the schema " ~ relation.schema) -%}
{%- endmacro %}
