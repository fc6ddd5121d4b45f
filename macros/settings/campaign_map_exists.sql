{#- True where the database has the optional table campaign_map. Asks PostgreSQL, because dbt does not list
    foreign tables.

    {% if campaign_map_exists() %} select ... {% endif %}
-#}
{% macro campaign_map_exists() -%}
{%- set table = source('dialer', 'campaign_map').include(database=False) -%}
{%- if execute -%}
    {%- set found = run_query("select to_regclass(" ~ text_literal(table | string) ~ ") is not null") -%}
    {{ return(found.columns[0].values()[0]) }}
{%- endif -%}
{{ return(false) }}
{%- endmacro %}
