{#- Sets columns of rows that are already in a table that the migrations own. The model gives ids
    and values; only rows that differ are written, and post-hooks in the transaction run only then.

    {{ config(materialized='update_only', unique_key='id', meta={'updates': ref('audio_files')}) }}
-#}
{% materialization update_only, adapter='postgres' %}
    {%- set table = api.Relation.create(database=this.database, schema=this.schema, identifier=config.require('meta')['updates']) -%}
    {%- set key = adapter.quote(config.require('unique_key')) -%}
    {%- set sql = inline_ephemeral_models(sql) -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- do begin_writing(table) -%}
    {%- set columns = columns_to_write(table, sql) | reject('equalto', key) | list -%}
    {% call statement('main') -%}
        update {{ table }} as target
        set {% for column in columns %}{{ column }} = model.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
        from (
            {{ sql }}
        ) as model
        where target.{{ key }} = model.{{ key }}
            and (target.{{ columns | join(', target.') }}) is distinct from (model.{{ columns | join(', model.') }})
    {%- endcall %}
    {#- a hook that looks at the whole table is for what was written -#}
    {%- if load_result('main').response.rows_affected -%}{{ run_hooks(post_hooks, inside_transaction=True) }}{%- endif -%}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': []}) }}
{% endmaterialization %}
