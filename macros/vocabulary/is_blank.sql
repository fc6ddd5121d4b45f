{#- True where a text is null or has only white space. The macro names the characters,
    because locales disagree about what is white space.

    {{ is_blank("' '") }} -> true
-#}
{% macro is_blank(value) -%}
    (coalesce(btrim({{ value }}, e' \t\r\n'), '') = '')
{%- endmacro %}
