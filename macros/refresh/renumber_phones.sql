{#- Numbers the calls of every phone that has a call without a number, and writes only
    the rows whose number changes.

    {{ config(post_hook='{{ renumber_phones(this) }}') }}
-#}
{% macro renumber_phones(audio_files) -%}
    with

    unnumbered as (
        select phone from {{ audio_files }}
        where index_in_phone is null
    ),

    numbered as (
        select
            id,
            index_in_phone,
            row_number() over (
                partition by phone order by started nulls last, id
            ) as true_index
        from {{ audio_files }}
        where phone in (select unnumbered.phone from unnumbered)
    ),

    misnumbered as (
        select
            id,
            true_index
        from numbered
        where index_in_phone is distinct from true_index
    )

    update {{ audio_files }} as target
    set index_in_phone = misnumbered.true_index
    from misnumbered
    where target.id = misnumbered.id
{%- endmacro %}
