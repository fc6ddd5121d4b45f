{#- The var source_timezone, checked: it must be a name of the tz database, because PostgreSQL reads `+02`
    as two hours *west* of Greenwich.

    {{ source_timezone() }} -> 'Europe/Berlin'
-#}
{% macro source_timezone() -%}
{%- set value = var('source_timezone') -%}
{%- if value not in modules.pytz.all_timezones_set -%}
    {%- do exceptions.raise_compiler_error("the var source_timezone must be a zone, for instance Europe/Berlin, not " ~ tojson(value)) -%}
{%- endif -%}
{{ return(value) }}
{%- endmacro %}
