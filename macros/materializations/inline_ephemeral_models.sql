{#- A model's query in which ephemeral models are read in place. dbt writes each as a CTE, and PostgreSQL
    stores one that is read twice: every row of a table, where a few or none were asked for.

    {{ inline_ephemeral_models('with __dbt__cte__a as (select 1) ...') }}
    -> 'with __dbt__cte__a as not materialized (select 1) ...'
-#}
{% macro inline_ephemeral_models(sql) -%}
{{ return(modules.re.sub('(__dbt__cte__\\w+) as \\(', '\\1 as not materialized (', sql)) }}
{%- endmacro %}
