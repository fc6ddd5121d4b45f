{#- A value of a var as an SQL text.

    {{ text_literal("it's") }} -> 'it''s'::text
-#}
{% macro text_literal(value) -%}
    {%- if value is none -%}
        null::text
    {%- else -%}
        '{{ value | replace("'", "''") }}'::text
    {%- endif -%}
{%- endmacro %}
