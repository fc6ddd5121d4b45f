{#- The var default_campaign_name, checked: a text, or null for no name.

    {{ default_campaign_name() }} -> 'unknown'
-#}
{% macro default_campaign_name() -%}
{%- set value = var('default_campaign_name') -%}
{%- if value is not none and value is not string -%}
    {%- do exceptions.raise_compiler_error("the var default_campaign_name must be a text or null, not " ~ tojson(value)) -%}
{%- endif -%}
{{ return(value) }}
{%- endmacro %}
