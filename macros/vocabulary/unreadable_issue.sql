{#- The name of an issue where a text is there, but no timestamp can be read from it;
    null where the timestamp is known all the same.

    {{ unreadable_issue('started', "'yesterday'", 'UTC', 'started_unreadable') }}
    -> 'started_unreadable' where started is null
-#}
{% macro unreadable_issue(known, value, zone, issue) -%}
    case
        when {{ known }} is not null or {{ is_blank(value) }} then null
        when {{ timestamp_in(value, zone) }} is null then '{{ issue }}'
    end
{%- endmacro %}
