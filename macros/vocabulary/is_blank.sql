{#- True where a text is null or only white space; the characters are named, so that all
    locales agree.

    {{ is_blank('url') }} -> (coalesce(btrim(url, e' \t\r\n'), '') = '')
-#}
{% macro is_blank(value) -%}
    (coalesce(btrim({{ value }}, e' \t\r\n'), '') = '')
{%- endmacro %}
