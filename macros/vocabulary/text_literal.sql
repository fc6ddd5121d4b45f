{#- The value of a var as a text in SQL; a missing value becomes null.

    {{ text_literal("it's") }} -> 'it''s'::text
-#}
{% macro text_literal(value) -%}
    {%- if value is none -%}
        null::text
    {%- else -%}
        '{{ value | replace("'", "''") }}'::text
    {%- endif -%}
{%- endmacro %}
