{#- A column of any type as text, a timestamp in ISO 8601. A cast (`::text`) would
    follow the DateStyle of the session instead.

    {{ text_of('started') }} -> '2024-10-31T10:57:01+00:00' for a timestamptz
-#}
{% macro text_of(column) -%}
    (to_jsonb({{ column }}) #>> '{}')
{%- endmacro %}
