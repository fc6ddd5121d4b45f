{#- Whether the database has the optional table campaign_map.

    {% if campaign_map_exists() %} select ... {% endif %}
-#}
{% macro campaign_map_exists() -%}
{%- set table = source('dialer', 'campaign_map') -%}
{{ return(execute and adapter.get_relation(table.database, table.schema, table.identifier) is not none) }}
{%- endmacro %}
