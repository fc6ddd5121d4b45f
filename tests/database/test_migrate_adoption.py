"""Migrations on a database in which other programs created the tables by the handover guide."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.database.handover import statement
from tests.support.database.migrations import (
    IDS,
    connect,
    rows,
    schema_dump,
)
from transcriber.db import migrate

TABLES = ("audio_files", "transcriptions", "transcription_failures", "transcription_claims")


def insert_rows(database: dict[str, str]) -> None:
    """Fill the four tables as other programs did before the first migration."""
    with connect(database) as connection:
        connection.execute("""
            insert into media_pipeline.audio_files (phone, url, url_sha1, recording_id, started)
            select
                '+493023125' || lpad((i % 1000)::text, 3, '0'),
                'https://vault.example.test/vr/PR_' || i || '.mp3',
                'sha ' || i,
                nullif('PR_' || i, 'PR_7'),
                timestamptz '2024-10-31 10:57Z' + i * interval '1 minute'
            from generate_series(1, 2000) as i;
            insert into media_pipeline.transcriptions (audio_file_id, transcript_text, segments)
            select id, 'said ' || id, '[{"start": 0}]' from media_pipeline.audio_files;
            insert into media_pipeline.transcription_failures (audio_file_id, status, error)
            select id, 'transient', 'slow' from media_pipeline.audio_files where id % 7 = 0;
            insert into media_pipeline.transcription_claims (audio_file_id, claimed_by)
            select id, 'somebody' from media_pipeline.audio_files where id % 9 = 0
        """)


def everything(database: dict[str, str]) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of the four tables, without the column that migrations may add."""
    return {
        table: rows(database, f"select to_jsonb(t) - 'raw_response' from media_pipeline.{table} t")  # noqa: S608
        for table in TABLES
    }


@pytest.mark.parametrize("raw_response", [True, False])
def test_a_deployment_is_adopted_with_its_rows(
    empty_database: dict[str, str], *, raw_response: bool
) -> None:
    with connect(empty_database) as connection:
        connection.execute(statement("tables"))
        if not raw_response:
            connection.execute("alter table media_pipeline.transcriptions drop raw_response")
    insert_rows(empty_database)
    before = everything(empty_database)

    assert migrate.apply() == IDS

    assert everything(empty_database) == before
    assert [len(before[table]) for table in TABLES] == [2000, 2000, 285, 222]
    column = "select raw_response from media_pipeline.transcriptions limit 1"
    assert rows(empty_database, column) == [(None,)]


def test_a_deployment_and_an_empty_database_end_alike(
    empty_database: dict[str, str], database: dict[str, str]
) -> None:
    with connect(empty_database) as connection:
        connection.execute(statement("tables"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGDATABASE", empty_database["PGDATABASE"])
        migrate.apply()

    assert schema_dump(empty_database) == schema_dump(database)


CATALOG = """
    select 'column', table_name, column_name, data_type, is_nullable, column_default
    from information_schema.columns where table_schema = 'media_pipeline'
    union all
    select 'place', table_name, column_name, ordinal_position::text, '', ''
    from information_schema.columns where table_schema = 'media_pipeline'
    union all
    select 'index', tablename, indexname, indexdef, '', ''
    from pg_indexes where schemaname = 'media_pipeline'
    union all
    select 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', ''
    from pg_constraint where connamespace = 'media_pipeline'::regnamespace
    union all
    select 'sequence', sequencename, data_type::text, increment_by::text, '', ''
    from pg_sequences where schemaname = 'media_pipeline'
    union all
    select 'trigger', tgrelid::regclass::text, tgname, '', '', ''
    from pg_trigger where not tgisinternal
"""


def test_nothing_of_the_handover_is_changed_and_the_additions_are_known(
    empty_database: dict[str, str], database: dict[str, str]
) -> None:
    with connect(empty_database) as connection:
        connection.execute(statement("tables"))
    theirs, ours = ({*rows(each, CATALOG)} for each in (empty_database, database))

    assert theirs - ours == set()
    added = {row[:3] for row in ours - theirs if "_yoyo" not in row[1]}
    of_ours = {
        "provider_pauses", "media_pipeline.provider_pauses",
        "service_outages", "media_pipeline.service_outages",
        "claimable_files", "file_states", "held_back_files", "live_claims", "queued_files",
    }  # fmt: skip
    assert {row for row in added if row[1] not in of_ours} == {
        ("index", "audio_files", "ix_audio_files_gaps"),
        ("index", "audio_files", "ix_audio_files_unnumbered"),
        ("index", "transcriptions", "ix_transcriptions_failed"),
        ("index", "transcriptions", "ix_transcriptions_queue"),
        ("index", "transcriptions", "ix_transcriptions_queue_campaign"),
        ("index", "transcription_failures", "ix_transcription_failures_due"),
    }
