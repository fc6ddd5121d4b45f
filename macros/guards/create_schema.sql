{#- Overrides dbt's own: the migrations own the schema, and a schema made here would be an empty one. -#}
{% macro create_schema(relation) -%}
{%- do raise_migrations_missing("the schema " ~ relation.schema) -%}
{%- endmacro %}
