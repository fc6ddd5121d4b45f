{#- Inserts a model's rows, in the model's order, into a table that the migrations own; PostgreSQL skips
    rows that conflict with a row of the table. dbt never creates, alters, comments, grants or drops
    the table.

    {{ config(materialized='insert_only') }}
-#}
{% materialization insert_only, adapter='postgres' %}
    {%- if should_full_refresh() -%}
        {%- do exceptions.warn("--full-refresh is ignored for " ~ this ~ ": its rows are never rebuilt") -%}
    {%- endif -%}
    {%- set sql = inline_ephemeral_models(sql) -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- do begin_writing(this) -%}
    {%- set columns = columns_to_write(this, sql) | join(', ') -%}
    {% call statement('main') -%}
        insert into {{ this }} ({{ columns }})
        {{ sql }}
        on conflict do nothing
    {%- endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': []}) }}
{% endmaterialization %}
