{#- Lets PostgreSQL read ephemeral models in place: dbt writes each one as a CTE, and PostgreSQL would
    store every row of a CTE that is read twice, even where few of them are needed.

    {{ inline_ephemeral_models('with __dbt__cte__a as (select 1) ...') }}
    -> 'with __dbt__cte__a as not materialized (select 1) ...'
-#}
{% macro inline_ephemeral_models(sql) -%}
{{ return(modules.re.sub('(__dbt__cte__\\w+) as \\(', '\\1 as not materialized (', sql)) }}
{%- endmacro %}
