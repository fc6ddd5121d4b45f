{#- Begins the transaction of a materialization with the planner's settings, and waits until no other
    build writes the same relation, so that this build sees all that the other one wrote.

    {% do begin_writing(this) %}
-#}
{% macro begin_writing(relation) -%}
{%- call statement('begin_writing') -%}
    {%- for name, value in planner_settings().items() %}
    set local {{ name }} = {{ value }};
    {%- endfor %}
    select pg_advisory_xact_lock(hashtextextended('dbt {{ relation.schema }}.{{ relation.identifier }}', 0));
{%- endcall -%}
{%- endmacro %}
