-- depends_on: {{ source('dialer', 'campaign_map') }}
{% if campaign_map_exists() -%}
    select
        campaign_id::text collate "default" as campaign_id,
        campaign::text collate "default" as campaign_name
    from {{ source('dialer', 'campaign_map') }}
{%- else -%}
    select
        null::text as campaign_id,
        null::text as campaign_name
    where false
{%- endif %}
