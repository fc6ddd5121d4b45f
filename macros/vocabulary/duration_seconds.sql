{#- The seconds from a start to a stop; null where one of them is unknown or the stop
    comes first.

    {{ duration_seconds('started', 'stopped') }} -> 90.5 for 10:00:00 and 10:01:30.5
-#}
{% macro duration_seconds(started, stopped) -%}
    case
        when {{ stopped }} >= {{ started }}
            then extract(epoch from {{ stopped }} - {{ started }})::double precision
    end
{%- endmacro %}
