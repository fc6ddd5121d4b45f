{#- Builds a view that PostgreSQL does not tie to the tables it reads, so that their owners can alter and
    drop them as if it were not there: PostgreSQL records what a view depends on, but does not look into
    the body of a function, so the view reads a function. Needs an enforced contract, which names the
    columns. A reader of the view needs `select` on the tables, too.

    {{ config(materialized='late_bound_view', meta={'settings': planner_settings()}) }}
-#}
{% materialization late_bound_view, adapter='postgres' %}
    {%- set view = this.incorporate(type='view') -%}
    {%- set function = this.incorporate(path={'identifier': this.identifier ~ '_rows'}) -%}
    {%- set sql = inline_ephemeral_models(sql) -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- do begin_writing(this) -%}
    {%- do get_assert_columns_equivalent(sql) -%}
    {%- set columns = model.columns.values() | map(attribute='name') | list -%}
    {%- set types = model.columns.values() | map(attribute='data_type') | list -%}
    {%- set existing = adapter.get_columns_in_relation(view) -%}
    {% call statement('main') -%}
        {%- if existing | map(attribute='name') | list != columns or existing | map(attribute='dtype') | list != types %}
        drop view if exists {{ view }};
        drop function if exists {{ function }}();
        {%- endif %}
        create or replace function {{ function }}()
        returns table ({% for column in columns %}{{ column }} {{ types[loop.index0] }}{{ ', ' if not loop.last }}{% endfor %})
        language sql stable
        {%- for name, value in config.require('meta')['settings'].items() %}
        set {{ name }} = {{ value }}
        {%- endfor %}
        as $late_bound$
        {{ get_select_subquery(sql) }}
        $late_bound$;
        create or replace view {{ view }} as select * from {{ function }}();
    {%- endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [view]}) }}
{% endmaterialization %}
