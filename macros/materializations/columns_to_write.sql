{#- The columns of a model, in its order, all of which the table must have.

    {{ columns_to_write(this, sql) }} -> ['"phone"', '"url"']
-#}
{% macro columns_to_write(table, sql) -%}
{%- set existing = adapter.get_columns_in_relation(table) | map(attribute='name') | list -%}
{#- those of the yml first: the query itself may need one that is missing -#}
{%- for column in model.columns if column not in existing -%}
    {%- do raise_migrations_missing("the column " ~ column ~ " of " ~ table.include(database=False)) -%}
{%- endfor -%}
{%- if config.get('contract').enforced -%}{%- do get_assert_columns_equivalent(sql) -%}{%- endif -%}
{{ return(get_column_schema_from_query(sql) | map(attribute='quoted') | list) }}
{%- endmacro %}
