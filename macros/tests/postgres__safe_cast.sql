{#- Overrides dbt's own for the expected rows of unit tests: dbt knows every array only as ARRAY, and the
    arrays of this project hold texts.

    {{ safe_cast("'{url_missing}'", 'ARRAY') }} -> cast('{url_missing}' as text[])
-#}
{% macro postgres__safe_cast(field, type) -%}
    cast({{ field }} as {{ 'text[]' if type == 'ARRAY' else type }})
{%- endmacro %}
