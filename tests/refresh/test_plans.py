"""No plan of the refresh grows with the square of the rows, whatever the statistics say.

The queries run once, under `explain (analyze)`: what the planner estimates may be wrong, and is in
these states, so that only the rows that a plan really touched can tell.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.refresh import statements, volume
from tests.support.refresh.dbt import SOURCE_TABLES, Dbt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from psycopg import Connection

RECORDINGS = 5_000
NEW = 200
# a sort, a window or a join may look at each row of both tables; 25 look-ups without an index more
MOST_ROWS = 4 * 2 * RECORDINGS

COUNTS = (
    "Actual Rows",
    "Rows Removed by Filter",
    "Rows Removed by Join Filter",
    "Rows Removed by Index Recheck",
)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def too_long(connection: Connection, query: str) -> list[str]:
    """Run a query; return the nodes of its plan that touched more rows than there are."""
    found = connection.execute(
        b"explain (analyze, timing off, format json) " + query.encode()
    ).fetchone()
    assert found is not None
    touched = {
        f"{node['Node Type']} ({node.get('Relation Name', node.get('CTE Name', ''))})": rows
        for node in nodes(found[0][0]["Plan"])
        if (rows := node["Actual Loops"] * sum(node.get(count, 0) for count in COUNTS)) > MOST_ROWS
    }
    return [f"{name}: {rows:,.0f} rows" for name, rows in touched.items()]


def check(
    connection: Connection, transactions: list[statements.Transaction]
) -> dict[str, list[str]]:
    """Refresh, then read recording_issues; return which query had which bad nodes."""
    found = {}
    for each in transactions:
        with connection.transaction():
            connection.execute(each.statements[0].encode())
            for number, statement in enumerate(each.statements[1:]):
                found[f"{each.model} {number}"] = too_long(connection, statement)
    # by itself: a function's plan is not shown
    view = connection.execute(
        "select prosrc, proconfig from pg_proc where proname = 'recording_issues_rows'"
    ).fetchone()
    assert view is not None
    body, settings = view
    with connection.transaction():
        for setting in settings:
            connection.execute(f"set local {setting}".encode())
        found["recording_issues"] = too_long(connection, body)
    return {name: bad for name, bad in found.items() if bad}


@pytest.fixture
def source(connection: Connection) -> Connection:
    connection.execute(SOURCE_TABLES)
    volume.without_autovacuum(connection)
    return connection


def test_no_plan_is_quadratic(source: Connection, tmp_path: Path) -> None:
    transactions = statements.transactions(Dbt(tmp_path / "dbt"), source.info.dbname)
    models = [(each.model, len(each.statements)) for each in transactions]
    assert models == [("audio_files", 3), ("audio_file_gaps", 2)]
    # it numbers phones anew as well, but where it filled something in
    load, gaps = transactions
    gaps = replace(gaps, statements=(*gaps.statements, load.statements[-1]))
    transactions = [load, gaps]
    # in this order: a truncated table keeps the statistics of its columns
    for statistics in volume.STATISTICS:
        source.execute("truncate public.contacts, public.recordings")
        source.execute("truncate media_pipeline.audio_files cascade")
        volume.load_with_statistics(source, statistics, RECORDINGS, transactions)
        where = f"statistics {statistics}"
        assert check(source, transactions) == {}, f"first load, {where}"

        volume.add_new_recordings(source, NEW, known=RECORDINGS)
        # of half of the known calls, something is left to fill in
        source.execute(
            """
            update media_pipeline.audio_files
            set started = case when id % 4 = 0 then started end,
                duration_seconds = null,
                index_in_phone = case when id % 6 = 0 then index_in_phone end
            where id % 2 = 0
            """
        )
        if statistics == "analysed while empty":
            volume.empty_statistics(source)
        assert check(source, transactions) == {}, f"+{NEW} recordings, {where}"
        left = source.execute(
            "select count(*) from media_pipeline.audio_files"
            " where index_in_phone is null or duration_seconds is null"
        ).fetchone()
        assert left == (0,)


def test_a_quadratic_plan_is_seen(source: Connection) -> None:
    volume.fill(source, RECORDINGS)
    source.execute("set enable_hashjoin = off; set enable_mergejoin = off")
    calls = "(select * from recordings limit 100) as known"
    query = f"select from {calls} inner join recordings on known.location = recordings.location"
    assert too_long(source, query)
