{#- What a materialization says to its transaction before it writes. Refreshes of one relation take turns:
    the second sees all that the first wrote. No nested loops: a filtered window is estimated
    at one row whatever the statistics, and a million rows joined on that estimate would take days.
    No walks along an index through a table that was analysed while it was empty: 20 times a scan.

    {% do begin_writing(this) %}
-#}
{% macro begin_writing(relation) -%}
{%- call statement('begin_writing') -%}
    set local enable_nestloop = off;
    set local enable_mergejoin = off;
    set local enable_indexscan = off;
    set local jit = off;
    select pg_advisory_xact_lock(hashtextextended('dbt {{ relation.schema }}.{{ relation.identifier }}', 0));
{%- endcall -%}
{%- endmacro %}
