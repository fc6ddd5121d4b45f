{#- The columns of a model, in the model's order; stops the run where the table lacks one of them.

    {{ columns_to_write(this, 'select 1 as phone, 2 as url') }} -> ['"phone"', '"url"']
-#}
{% macro columns_to_write(table, sql) -%}
{%- set existing = adapter.get_columns_in_relation(table) | map(attribute='name') | list -%}
{#- Looks at the columns of the yml first, because the query itself may read one that is missing. -#}
{%- for column in model.columns if column not in existing -%}
    {%- do raise_migrations_missing("the column " ~ column ~ " of " ~ table.include(database=False)) -%}
{%- endfor -%}
{%- if config.get('contract').enforced -%}{%- do get_assert_columns_equivalent(sql) -%}{%- endif -%}
{{ return(get_column_schema_from_query(sql) | map(attribute='quoted') | list) }}
{%- endmacro %}
