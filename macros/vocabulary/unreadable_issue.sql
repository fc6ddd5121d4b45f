{#- The given issue where a text is present but holds no timestamp, and null otherwise,
    also where the timestamp is known from elsewhere.

    {{ unreadable_issue('started', "'yesterday'", 'UTC', 'started_unreadable') }}
    -> 'started_unreadable' where started is null
-#}
{% macro unreadable_issue(known, value, zone, issue) -%}
    case
        when {{ known }} is not null or {{ is_blank(value) }} then null
        when {{ timestamp_in(value, zone) }} is null then '{{ issue }}'
    end
{%- endmacro %}
