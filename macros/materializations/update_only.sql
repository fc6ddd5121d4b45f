{#- Sets columns of rows that a table of the migrations already has. The model selects the key and the new
    values; only rows that differ are written, and the post-hooks of the transaction run only if some were.

    {{ config(materialized='update_only', unique_key='id', meta={'updates': 'audio_files'}) }}
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
    {#- The post-hooks read the whole table, so they run only where rows were written. -#}
    {%- if load_result('main').response.rows_affected -%}{{ run_hooks(post_hooks, inside_transaction=True) }}{%- endif -%}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': []}) }}
{% endmaterialization %}
