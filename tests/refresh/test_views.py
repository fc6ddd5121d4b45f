"""The views that people read: what they show, who may read them, and what a build leaves alone."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
import pytest
from psycopg import sql

from tests.support import DATA
from tests.support.database.catalogue import add_audio_file, one
from tests.support.database.handover import statement
from tests.support.database.migrations import MIGRATIONS, keep_only
from tests.support.refresh.dbt import SOURCE_TABLES, generate_recordings
from transcriber.db import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from psycopg import Connection

    from tests.support.refresh.dbt import Dbt

PHONE = "+493023125001"
PROGRESS: LiteralString = "select recordings, completed from media_pipeline.transcription_progress"
VIEWS = {"call_log", "phone_history", "recording_issues", "transcription_progress"}
# The newest migration of the releases whose views read functions.
LAST_OF_OLD_RELEASE = 8


def rows(connection: Connection, query: LiteralString, *parameters: Any) -> list[tuple[Any, ...]]:
    return connection.execute(query, parameters).fetchall()


@pytest.fixture
def reader(connection: Connection) -> Iterator[sql.Identifier]:
    """Create a role that may name what is in the schema, and read nothing of it."""
    role = sql.Identifier(f"reader_{os.urandom(4).hex()}")
    connection.execute(sql.SQL("create role {}").format(role))
    connection.execute(sql.SQL("grant usage on schema media_pipeline to {}").format(role))
    yield role
    connection.execute("reset role")
    connection.execute(sql.SQL("drop owned by {0} cascade; drop role {0}").format(role))


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
    explain: tuple[LiteralString, ...] = (
        "explain select * from media_pipeline.call_log where phone = %s",
        "explain select * from media_pipeline.phone_history where phone = %s",
    )
    for query in explain:
        plan = rows(source, query, PHONE)
        assert any("Index Scan using ix_audio_files_phone" in line for (line,) in plan), plan


def test_call_log_and_progress_show_what_the_queue_does(source: Connection, dbt: Dbt) -> None:
    for number in range(1, 16):
        add_audio_file(source, f"{number}", phone=PHONE, campaign_name="A")
    source.execute(
        """
        insert into media_pipeline.transcriptions (audio_file_id, status) values
            (1, 'completed'), (2, 'completed'), (3, 'completed'), (4, 'pending'), (5, 'failed'),
            (6, 'failed'), (7, 'failed'), (8, 'failed'), (9, 'failed'), (10, 'pending'),
            (11, 'reviewed'), (13, 'pending'), (14, 'pending');
        insert into media_pipeline.transcription_failures (audio_file_id, status, ignore_until)
        select file, status, now() + wait::interval from (values
            (2, 'permanent', null), (3, 'transient', '1 day'),
            -- A permanent failure holds a file back even after its ignore_until.
            (6, 'permanent', null), (7, 'permanent', '-1 day'),
            -- A cooldown holds a file back in the queue as well as outside of it.
            (8, 'transient', '1 day'), (10, 'transient', '1 hour'), (15, 'transient', '1 hour'),
            (9, 'transient', '-1 second'), (11, 'transient', null)
        ) as failures (file, status, wait);
        insert into media_pipeline.transcription_claims (audio_file_id, claimed_by, expires_at)
        values (13, 'a worker', null), (14, 'a worker', now() - interval '1 second')
        """
    )
    dbt.run("run")

    states = "select audio_file_id, transcript_status from media_pipeline.call_log"
    assert dict(rows(source, states)) == {
        **dict.fromkeys((1, 2, 3), "completed"),
        **dict.fromkeys((4, 5, 9, 14), "pending"),
        **dict.fromkeys((6, 7), "failed"),
        **dict.fromkeys((8, 10, 15), "cooling_down"),
        11: "other", 12: "not_queued", 13: "claimed",
    }  # fmt: skip
    assert one(
        source,
        """
        select recordings, completed, pending, failed, cooling_down, other, completed_share
        from media_pipeline.transcription_progress
        """,
    ) == (15, 3, 6, 2, 3, 1, 0.2)


def test_a_role_reads_a_view_without_reading_its_tables(
    source: Connection, dbt: Dbt, reader: sql.Identifier
) -> None:
    generate_recordings(source, range(1, 4))
    dbt.run("run")
    grant = sql.SQL("grant select on media_pipeline.transcription_progress to {}")
    source.execute(grant.format(reader))

    source.execute(sql.SQL("set role {}").format(reader))
    assert rows(source, PROGRESS) == [(3, 0)]
    forbidden = (
        "audio_files", "transcriptions", "transcription_failures", "transcription_claims",
        "file_states", "call_log", "phone_history", "recording_issues",
    )  # fmt: skip
    for name in forbidden:
        query = sql.SQL("select from media_pipeline.{}").format(sql.Identifier(name))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            source.execute(query)


PEOPLE_BUILT = """
    create view public.shares as
    select campaign_name, completed_share from media_pipeline.transcription_progress;
    grant select on media_pipeline.transcription_progress, public.shares to {}
"""


def test_a_build_keeps_grants_and_what_people_built_on_a_view(
    source: Connection, dbt: Dbt, reader: sql.Identifier
) -> None:
    generate_recordings(source, range(1, 4))
    dbt.run("run")
    source.execute(sql.SQL(PEOPLE_BUILT).format(reader))

    dbt.run("run", source_timezone="Europe/Berlin")

    source.execute(sql.SQL("set role {}").format(reader))
    assert rows(source, PROGRESS) == [(3, 0)]
    assert rows(source, "select * from public.shares") == [("unknown", 0)]


def test_a_build_makes_a_view_anew_where_its_columns_changed(source: Connection, dbt: Dbt) -> None:
    """As it does for a release that renames, retypes or removes one."""
    source.execute("create view media_pipeline.phone_history as select 1 as phone")
    dbt.run("run")
    assert rows(source, "select * from media_pipeline.phone_history") == []

    # PostgreSQL refuses to drop a view below a view of somebody else, which dbt then reports.
    source.execute(
        """
        drop view media_pipeline.phone_history;
        create view media_pipeline.phone_history as select 1 as phone;
        create view public.phones as select phone from media_pipeline.phone_history
        """
    )
    assert "view phones depends on view media_pipeline.phone_history" in dbt.fail("run")
    assert rows(source, "select * from public.phones") == [(1,)]


def test_a_rollback_drops_the_views_in_its_way_and_a_build_makes_them_again(
    source: Connection, dbt: Dbt
) -> None:
    generate_recordings(source, range(1, 4))
    dbt.run("run")
    source.execute("truncate media_pipeline.audio_files cascade")

    migrate.rollback("0001")
    migrate.apply()

    dbt.run("run")
    assert rows(source, PROGRESS) == [(3, 0)]
    assert one(source, "select count(*) from media_pipeline.call_log") == 3
    assert one(source, "select total_recordings from media_pipeline.phone_history limit 1") == 1


def test_views_of_older_releases_are_replaced_in_place(
    empty_database: dict[str, str], dbt: Dbt, tmp_path: Path
) -> None:
    """Those releases made each view over a function, which its readers had to be able to run."""
    older = shutil.copytree(MIGRATIONS, tmp_path / "migrations")
    keep_only(older, LAST_OF_OLD_RELEASE)
    migrate.apply(older)
    with psycopg.connect(autocommit=True) as connection:
        connection.execute(SOURCE_TABLES)
        generate_recordings(connection, range(1, 4))
        connection.execute((DATA / "views_over_functions.sql").read_bytes())
        role = sql.Identifier(f"reader_{os.urandom(4).hex()}")
        connection.execute(sql.SQL("create role {}").format(role))
        connection.execute(sql.SQL(PEOPLE_BUILT).format(role))

        migrate.apply()
        dbt.run("build", "--exclude-resource-type", "unit_test")

        functions = "select proname from pg_proc where proname ~ '_rows$'"
        assert rows(connection, functions) == [("recording_issues_rows",)]
        assert rows(connection, PROGRESS) == [(3, 0)]
        connection.execute(sql.SQL("grant usage on schema media_pipeline to {}").format(role))
        connection.execute(sql.SQL("set role {}").format(role))
        assert rows(connection, PROGRESS) == [(3, 0)]
        assert rows(connection, "select * from public.shares") == [("unknown", 0)]
        connection.execute("reset role")
        connection.execute(sql.SQL("drop owned by {0}; drop role {0}").format(role))
    assert empty_database
