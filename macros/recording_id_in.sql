{#- The dialer's id of a recording, from its URL; null where the URL has none.

    {{ recording_id_in("'https://vault.example.test/vr/PR_7.mp3'") }} -> 'PR_7'
-#}
{% macro recording_id_in(url) -%}
    (regexp_match({{ url }}, '/(PR_[^./]+)'))[1]
{%- endmacro %}
