{#- The dialer's id of a recording, taken from its URL; null where the URL has no such
    id, or one of over 1,000 bytes, because no index takes it and one such row would end
    the whole load.

    {{ recording_id_in("'https://vault.example.test/vr/PR_7.mp3'") }} -> 'PR_7'
-#}
{% macro recording_id_in(url) -%}
    {%- set recording_id = "(regexp_match(" ~ url ~ ", '/(PR_[^./]+)'))[1]" -%}
    case
        when octet_length({{ url }}) <= 1000 or octet_length({{ recording_id }}) <= 1000
            then {{ recording_id }}
    end
{%- endmacro %}
