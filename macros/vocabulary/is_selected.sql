{#- True where a campaign is one of the given ids, or where no ids are given.

    {{ is_selected('campaign_id', ['C1', 'C2']) }} -> coalesce(campaign_id in ('C1', 'C2'), false)
-#}
{% macro is_selected(campaign_id, campaign_ids) -%}
    {%- set ids = campaign_ids | map('replace', "'", "''") | join("', '") -%}
    {%- if campaign_ids -%}
        coalesce({{ campaign_id }} in ('{{ ids }}'), false)
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}
