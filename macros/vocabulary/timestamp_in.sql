{#- The timestamp that a text holds, null where it holds no timestamp. A text without an
    offset is read in the given zone, not in the zone of the session.

    {{ timestamp_in("'2024-07-01 12:00'", 'Europe/Berlin') }} -> 2024-07-01 10:00:00+00
-#}
{% macro timestamp_in(value, zone) -%}
    media_pipeline.try_timestamptz({{ value }}, {{ text_literal(zone) }})
{%- endmacro %}
