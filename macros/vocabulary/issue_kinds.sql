{#- Selects every issue that recording_issues may list, with how bad it is and what to
    do about it.

    {{ issue_kinds() }} -> one row per issue: issue, severity, next_step
-#}
{% macro issue_kinds() -%}
    select
        column1 as issue,
        column2 as severity,
        column3 as next_step
    from (
        values
        (
            'url_missing', 'error',
            'Enter the URL of the audio in recordings.location.'
        ),
        (
            'contact_missing', 'error',
            'Restore the contact, or set recordings.contact_id to the right one.'
        ),
        (
            'phone_missing', 'error',
            'Enter the phone number of the contact.'
        ),
        (
            'campaign_not_selected', 'info',
            'Do nothing, or add its campaign to the var campaign_ids to load it.'
        ),
        (
            'duplicate_url', 'info',
            'Do nothing: its audio is in the catalogue as audio_file_id.'
        ),
        (
            'duplicate_recording_id', 'warning',
            'Compare it with audio_file_id. Delete it if it is a copy; if it is another'
            || ' call, give its URL a PR_ id of its own.'
        ),
        (
            'started_unreadable', 'warning',
            'Write recordings.started like 2024-10-31T10:57:01Z, or set it to null.'
        ),
        (
            'stopped_unreadable', 'warning',
            'Write recordings.stopped like 2024-10-31T10:57:01Z, or set it to null.'
        ),
        (
            'negative_duration', 'warning',
            'Correct the recording, then set started and stopped of the audio file to'
            || ' null; the next run reads them again.'
        )
    ) as kinds
{%- endmacro %}
