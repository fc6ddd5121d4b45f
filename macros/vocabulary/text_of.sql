{#- Any column as text, a timestamp in ISO 8601: `::text` would follow the session's
    DateStyle.

    {{ text_of('started') }} -> '2024-10-31T10:57:01+00:00' for a timestamptz
-#}
{% macro text_of(column) -%}
    (to_jsonb({{ column }}) #>> '{}')
{%- endmacro %}
