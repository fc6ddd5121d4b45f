{#- The timestamp that a text says, null where it says none. One that names no zone is
    read in the given one, whatever the session's.

    {{ timestamp_in("'2024-07-01 12:00'", 'Europe/Berlin') }} -> 2024-07-01 10:00:00+00
-#}
{% macro timestamp_in(value, zone) -%}
    media_pipeline.try_timestamptz({{ value }}, {{ text_literal(zone) }})
{%- endmacro %}
