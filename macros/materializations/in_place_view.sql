{#- Builds a plain view by replacing its query in place, so that grants on the view and the views that
    people built over it survive a build. Needs an enforced contract, which checks names and types.

    {{ config(materialized='in_place_view', contract={'enforced': true}) }}
-#}
{% materialization in_place_view, adapter='postgres' %}
    {%- set view = this.incorporate(type='view') -%}
    {%- set sql = inline_ephemeral_models(sql) -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- do begin_writing(this) -%}
    {%- do get_assert_columns_equivalent(sql) -%}
    {%- set definition = "view " ~ view ~ " as " ~ get_select_subquery(sql) -%}
    {% call statement('main') -%}
        do $build$
        begin
            create or replace {{ definition }};
        exception
            -- PostgreSQL adds columns at the end, and refuses to rename, retype or remove one.
            when invalid_table_definition then
                drop view {{ view }};
                create {{ definition }};
        end
        $build$;
        -- Earlier releases made the view over a function of this name.
        drop function if exists {{ this.incorporate(path={'identifier': this.identifier ~ '_rows'}) }}();
    {%- endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [view]}) }}
{% endmaterialization %}
