{#- Ends the run where the dialer's columns have types that the models would misread; epoch seconds, for
    instance, are not the text of a timestamp. `text` stands for every string type, and a domain counts as
    its base type.

    on-run-start: "{{ require_source_types() }}"
-#}
{% macro require_source_types() -%}
{%- set integers = ['smallint', 'integer', 'bigint'] -%}
{%- set ids = ['text', 'uuid'] + integers -%}
{%- set times = ['text', 'timestamp without time zone', 'timestamp with time zone'] -%}
{%- set supported = {
    'contacts': {'$id': ids, '$phone': ['text'] + integers, '$campaign_id': ids},
    'recordings': {
        'id': integers, 'contact_id': ids, 'location': ['text'], 'started': times, 'stopped': times
    },
    'campaign_map': {'campaign_id': ids, 'campaign': ['text']},
} -%}
{%- if execute -%}
    {%- set columns -%}
        {%- for table, types_of in supported.items() -%}
            {%- set relation = source('dialer', table).include(database=False) -%}
            {%- for column, types in types_of.items() -%}
                ({{ text_literal(relation | string) }}, '{{ column }}', '{{ types | join(', ') }}'),
            {%- endfor -%}
        {%- endfor -%}
    {%- endset -%}
    {%- set wrong = run_query("
        select format(
            'the column %s of %s is of the type %s; supported are %s',
            column_name, relation, format_type(atttypid, atttypmod), supported
        )
        from (values " ~ columns.strip().rstrip(',') ~ ") as columns (relation, column_name, supported)
        inner join pg_attribute
            on attrelid = to_regclass(relation) and attname = column_name and not attisdropped
        inner join pg_type on pg_type.oid = atttypid
        where case typcategory
            when 'S' then 'text'
            else format_type(coalesce(nullif(typbasetype, 0), atttypid), null)
        end != all (string_to_array(supported, ', '))
        order by relation, attnum
    ").columns[0].values() -%}
    {%- if wrong -%}{%- do exceptions.raise_compiler_error(wrong | join('\n')) -%}{%- endif -%}
{%- endif -%}
{%- endmacro %}
