{#- The settings of PostgreSQL's planner under which a refresh writes and
    recording_issues is read.

    {{ planner_settings()['jit'] }} -> 'off'

    No nested loops: PostgreSQL estimates a filtered window at one row even with fresh
    statistics, and would join a million rows with a million rows for days. No merge
    joins and no index scans: both would walk along an index through a table that was
    analysed while it was empty, which takes 20 times as long as a scan. No JIT, because
    compiling takes longer than it saves.
-#}
{% macro planner_settings() -%}
    {{ return({
        'enable_nestloop': 'off',
        'enable_mergejoin': 'off',
        'enable_indexscan': 'off',
        'jit': 'off',
    }) }}
{%- endmacro %}
