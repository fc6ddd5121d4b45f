{#- The digits and `+` of a phone as somebody typed it.

    {{ normalized_phone("' +49 30 / 23125-001 '") }} -> '+493023125001'
-#}
{% macro normalized_phone(value) -%}
    regexp_replace(btrim({{ value }}), '[^0-9+]', '', 'g')
{%- endmacro %}
