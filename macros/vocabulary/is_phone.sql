{#- True where a phone that somebody typed has a digit, and at most the 1,000 characters
    that an index takes: one contact with thousands of digits would end the whole load.

    {{ is_phone("'unknown'") }} -> false
-#}
{% macro is_phone(value) -%}
    {%- set phone = normalized_phone(value) -%}
    coalesce(
        {{ value }} ~ '[0-9]'
        and (length({{ value }}) <= 1000 or length({{ phone }}) <= 1000),
        false
    )
{%- endmacro %}
