{#- The var campaign_ids, checked, because the letters of a string would be taken for ids.

    {{ campaign_ids() }} -> ['C1', 'C2']
-#}
{% macro campaign_ids() -%}
{%- set value = var('campaign_ids') -%}
{%- if value is string or value is mapping or value is not iterable -%}
    {%- do exceptions.raise_compiler_error("the var campaign_ids must be a list, for instance [C1, C2], not " ~ tojson(value)) -%}
{%- endif -%}
{%- for id in value if id is not string -%}
    {%- do exceptions.raise_compiler_error("the var campaign_ids must hold texts: put quotes around " ~ tojson(id)) -%}
{%- endfor -%}
{{ return(value) }}
{%- endmacro %}
