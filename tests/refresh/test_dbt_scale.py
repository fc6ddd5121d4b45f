"""The refresh when there is much to do, and when somebody else does it at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.refresh.dbt import SOURCE_TABLES, Dbt, finish, generate_recordings
from tests.support.wait import until

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg import Connection

LOCK = "hashtextextended('dbt media_pipeline.audio_files', 0)"


@pytest.fixture
def source(connection: Connection) -> Connection:
    connection.execute(SOURCE_TABLES)
    return connection


def calls(connection: Connection) -> tuple[int, int, int]:
    """Return the number of calls, of their recordings, and of those with a wrong number."""
    found = connection.execute(
        """
        select count(*), count(distinct source_row_id),
            count(*) filter (where index_in_phone is distinct from n)
        from (
            select *, row_number() over (partition by phone order by started nulls last, id) as n
            from media_pipeline.audio_files
        ) as numbered
        """
    ).fetchone()
    assert found is not None
    return found


def test_two_builds_at_once(source: Connection, tmp_path: Path) -> None:
    generate_recordings(source, range(1_001, 2_001))
    with source.transaction():
        # both have read the source and wait for their turn
        source.execute(f"select pg_advisory_xact_lock({LOCK})".encode())
        builds = [Dbt(tmp_path / name).start("build") for name in ("first", "second")]
        until(lambda: _waiting(source, 2), seconds=60)
        generate_recordings(source, range(501, 1_001))
    for build in builds:
        finish(build)
    assert calls(source) == (1_500, 1_500, 0)


def _waiting(connection: Connection, count: int) -> bool:
    found = connection.execute(
        "select count(*) from pg_locks where locktype = 'advisory' and not granted"
        " and database = (select oid from pg_database where datname = current_database())"
    ).fetchone()
    return found == (count,)


@pytest.mark.parametrize("row_estimate", [None, 0], ids=["no statistics", "of empty tables"])
def test_no_plan_is_quadratic(source: Connection, tmp_path: Path, row_estimate: int | None) -> None:
    """Run under a time limit that one nested loop of this size would exceed by far."""
    tables = ("public.contacts", "public.recordings", "media_pipeline.audio_files")
    for table in tables:
        source.execute(f"alter table {table} set (autovacuum_enabled = off)".encode())

    def spoil_statistics() -> None:
        if row_estimate is not None:
            source.execute(
                """
                update pg_class set reltuples = %s, relpages = pg_relation_size(oid) / 8192
                where oid = any (%s::regclass[])
                """,
                [row_estimate, [*tables]],
            )

    dbt = Dbt(tmp_path / "dbt")
    generate_recordings(source, range(20_001, 50_001), contacts=6_000)
    spoil_statistics()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGOPTIONS", "-c statement_timeout=60s")
        dbt.run("run")
        # all of these come before known calls
        generate_recordings(source, range(1, 20_001), contacts=6_000)
        spoil_statistics()
        dbt.run("build")
    assert calls(source) == (50_000, 50_000, 0)
