{#- True where a campaign is one of the given ids; no ids select every campaign.

    {{ is_selected('id', ['C1', 'C2']) }} -> coalesce(id in ('C1', 'C2'), false)
    {{ is_selected('id', []) }} -> true
-#}
{% macro is_selected(campaign_id, campaign_ids) -%}
    {%- set ids = campaign_ids | map('replace', "'", "''") | join("', '") -%}
    {%- if campaign_ids -%}
        coalesce({{ campaign_id }} in ('{{ ids }}'), false)
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}
