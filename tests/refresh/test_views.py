"""What people read: the models over the catalogue, the source's freshness, and the audit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, LiteralString

import pytest

from tests.support.database.catalogue import add_audio_file, one
from tests.support.database.handover import statement
from tests.support.refresh.dbt import SOURCE_TABLES, Dbt
from transcriber.db import migrate

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg import Connection

PHONE = "+493023125001"
ISSUES = {
    "url_missing": "error",
    "contact_missing": "error",
    "phone_missing": "error",
    "campaign_not_selected": "info",
    "duplicate_url": "info",
    "duplicate_recording_id": "warning",
    "started_unreadable": "warning",
    "stopped_unreadable": "warning",
    "negative_duration": "warning",
}


@pytest.fixture
def dbt(tmp_path: Path) -> Dbt:
    return Dbt(tmp_path / "dbt")


@pytest.fixture
def source(connection: Connection) -> Connection:
    connection.execute(SOURCE_TABLES)
    return connection


def rows(connection: Connection, query: LiteralString, *parameters: Any) -> list[tuple[Any, ...]]:
    return connection.execute(query, parameters).fetchall()


def test_the_views_answer_as_the_handover_and_use_its_indexes(source: Connection, dbt: Dbt) -> None:
    add_audio_file(source, "late", phone=PHONE, campaign_name="A", started="2026-07-02 10:00Z")
    add_audio_file(source, "early", phone=PHONE, campaign_name="A", started="2026-07-01 10:00Z")
    add_audio_file(source, "unknown", phone=PHONE, campaign_name="A")
    add_audio_file(source, "other campaign", phone=PHONE, campaign_name="B")
    add_audio_file(source, "nobody's", campaign_name="B", started="2026-07-02 23:00Z")
    add_audio_file(source, "no campaign's", phone="+493023125002")
    dbt.run("run", source_timezone="Europe/Berlin")

    assert rows(
        source,
        """
        select phone, campaign_name, recording_id, location, duration_seconds, started, stopped
        from media_pipeline.call_log order by phone, started nulls last, audio_file_id
        """,
    ) == rows(source, statement("call_log"))
    assert rows(
        source, "select * from media_pipeline.phone_history order by phone, first_call_time"
    ) == rows(source, statement("calls_by_phone"))
    assert rows(
        source,
        """
        select campaign_name, day::text, recordings, pending
        from media_pipeline.transcription_progress order by 1, 2
        """,
    ) == [
        ("A", "2026-07-01", 1, 1), ("A", "2026-07-02", 1, 1), ("A", None, 1, 1),
        ("B", "2026-07-03", 1, 1), ("B", None, 1, 1), (None, None, 1, 1),
    ]  # fmt: skip

    source.execute("set enable_seqscan = off; set enable_bitmapscan = off")
    call_log, phone_history = "media_pipeline.call_log", "media_pipeline.phone_history"
    for plan in (
        rows(source, f"explain select * from {call_log} where phone = %s", PHONE),  # noqa: S608
        rows(source, f"explain select * from {phone_history} where phone = %s", PHONE),  # noqa: S608
    ):
        assert any("Index Scan using ix_audio_files_phone" in line for (line,) in plan), plan

    # the views stand in nobody's way, and answer again when their tables are back
    source.execute("truncate media_pipeline.audio_files cascade")
    migrate.rollback("0001")
    migrate.apply()
    assert rows(source, "select * from media_pipeline.phone_history") == []


def test_every_issue_says_what_to_do(source: Connection, dbt: Dbt) -> None:
    source.execute(
        """
        insert into contacts values
            ('K1', '+49 30 23125-001', 'C1'),
            ('K2', 'unknown', 'C1'),
            ('K3', '+49 30 23125-003', 'C2');
        insert into recordings values
            (1, 'K1', 'https://vault.example.test/PR_1.mp3', null, null),
            (2, 'K1', '', null, null),
            (3, 'K9', 'https://vault.example.test/PR_3.mp3', null, null),
            (4, 'K2', 'https://vault.example.test/PR_4.mp3', null, null),
            (5, 'K3', 'https://vault.example.test/PR_5.mp3', null, null),
            (6, 'K1', 'https://vault.example.test/PR_1.mp3', null, null),
            (7, 'K1', 'https://vault.example.test/PR_1.wav', null, null),
            (8, 'K1', 'https://vault.example.test/PR_8.mp3', 'yesterday', 'today'),
            (9, 'K1', 'https://vault.example.test/PR_9.mp3', '2026-07-01 10:00', '2026-07-01 09:00')
        """
    )
    dbt.run("run", campaign_ids=["C1"])
    found = rows(source, "select issue, severity, next_step from media_pipeline.recording_issues")
    assert {issue: severity for issue, severity, _ in found} == ISSUES
    assert all(next_step.endswith(".") for _, _, next_step in found)

    # the one whose next step is more than to repair the source
    source.execute(
        """
        update recordings set stopped = '2026-07-01 10:00:30' where id = 9;
        update media_pipeline.audio_files set started = null, stopped = null
        from media_pipeline.recording_issues
        where audio_files.id = audio_file_id and issue = 'negative_duration'
        """
    )
    dbt.run("run", campaign_ids=["C1"])
    kept = rows(source, "select from media_pipeline.recording_issues where source_row_id = 9")
    assert kept == []
    duration = "select duration_seconds from media_pipeline.audio_files where source_row_id = 9"
    assert one(source, duration) == 30


def test_the_audit_finds_what_other_programs_break(source: Connection, dbt: Dbt) -> None:
    for number in range(1, 6):
        add_audio_file(source, f"https://vault.example.test/{number}.mp3")
    source.execute(
        """
        insert into media_pipeline.transcriptions (audio_file_id, status, transcript_text)
        values (1, 'completed', ''), (2, 'completed', null), (3, 'completed', 'Hello.'),
            (4, 'reviewed', 'Hello.');
        insert into media_pipeline.transcription_failures (audio_file_id, status)
        values (3, 'transient'), (4, 'permanent');
        update media_pipeline.audio_files set url_sha1 = upper(url_sha1) where id = 5;
        update media_pipeline.audio_files
        set phone = '+493023125001', index_in_phone = 7 where id = 4;
        alter table media_pipeline.transcriptions
        drop constraint transcriptions_audio_file_id_fkey;
        insert into media_pipeline.transcriptions (audio_file_id, status) values (99, 'pending');
        insert into recordings values (1, 'nobody', null, null, null)
        """
    )
    # what it asks of the views ends in an error here: they are not there yet
    dbt.fail("test", "--select", "tag:audit", "assert_no_transcription_is_orphaned")
    results = json.loads((dbt.folder / "target" / "run_results.json").read_text())["results"]
    assert {
        result["unique_id"].split(".")[2].partition("__")[0]: (result["status"], result["failures"])
        for result in results
        if result["status"] in ("fail", "warn")
    } == {
        "assert_no_transcription_is_orphaned": ("fail", 1),
        "assert_index_in_phone_follows_started": ("fail", 1),
        "assert_completed_files_have_a_transcript": ("warn", 1),
        "assert_completed_files_have_no_failure": ("warn", 1),
        "assert_url_sha1_is_of_the_url": ("warn", 1),
        "source_accepted_values_media_pipeline_transcriptions_status": ("warn", 1),
        "relationships_stg_recordings_contact_id": ("warn", 1),
    }


@pytest.mark.parametrize("column_type", ["text", "timestamp"])
def test_freshness_is_of_the_newest_call_that_has_begun(
    source: Connection, dbt: Dbt, column_type: str
) -> None:
    source.execute(
        """
        insert into recordings (id, started)
        select
            n,
            (now() at time zone 'Asia/Kolkata')::timestamp(0) - n * interval '1 day'
        from generate_series(5, 100) as n;
        insert into recordings (id, started) values (101, '2999-01-01')
        """
    )
    if column_type == "text":
        source.execute("insert into recordings (id, started) values (102, 'yesterday')")
    else:
        source.execute(
            """
            update recordings set started = now() at time zone 'Asia/Kolkata' where id = 7;
            alter table recordings alter column started type timestamp using started::timestamp
            """
        )
    dbt.run("source", "freshness", source_timezone="Asia/Kolkata")
    (result,) = json.loads((dbt.folder / "target" / "sources.json").read_text())["results"]
    hours = round(result["max_loaded_at_time_ago_in_s"] / 3600)
    expected = ("warn", 5 * 24) if column_type == "text" else ("pass", 0)
    assert (result["status"], hours) == expected
