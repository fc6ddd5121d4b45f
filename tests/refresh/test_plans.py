"""No plan of the refresh or of a view grows with the square of the rows under any statistics.

The queries run once, under `explain (analyze)`. The planner's estimates are wrong in these states,
so the tests count the rows that a plan really touched.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, LiteralString

import pytest

from tests.support.database.catalogue import one
from tests.support.refresh import statements, volume
from tests.support.refresh.compare import misnumbered
from tests.support.refresh.dbt import generate_recordings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection

    from tests.support.refresh.dbt import Dbt

RECORDINGS = 5_000
NEW = 200
# A sort, a window or a join may look at each row of both tables. Twenty-five look-ups without an
# index would touch more.
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
    """Run a query; return the nodes of its plan that touched too many rows."""
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
    """Refresh, then read recording_issues; return the bad nodes of each query that has some."""
    found = {}
    for each in transactions:
        with connection.transaction():
            connection.execute(each.statements[0].encode())
            for number, statement in enumerate(each.statements[1:]):
                found[f"{each.model} {number}"] = too_long(connection, statement)
    # The function's query runs by itself, because PostgreSQL does not show the plan of a function.
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
def source(source: Connection) -> Connection:
    """Keep the statistics as a test leaves them."""
    volume.without_autovacuum(source)
    return source


def test_no_plan_is_quadratic(source: Connection, dbt: Dbt) -> None:
    transactions = statements.transactions(dbt, source.info.dbname)
    models = [(each.model, len(each.statements)) for each in transactions]
    assert models == [("audio_files", 3), ("audio_file_gaps", 2)]
    # Where audio_file_gaps fills something in, it numbers phones, too.
    load, gaps = transactions
    gaps = replace(gaps, statements=(*gaps.statements, load.statements[-1]))
    transactions = [load, gaps]
    # The order matters, because a truncated table keeps the statistics of its columns.
    for statistics in volume.STATISTICS:
        source.execute("truncate public.contacts, public.recordings")
        source.execute("truncate media_pipeline.audio_files cascade")
        volume.load_with_statistics(source, statistics, RECORDINGS, transactions)
        where = f"statistics {statistics}"
        assert check(source, transactions) == {}, f"first load, {where}"

        volume.add_new_recordings(source, NEW, known=RECORDINGS)
        # Half of the known calls have gaps that the refresh can fill.
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


@pytest.mark.parametrize("row_estimate", [None, 0], ids=["no statistics", "of empty tables"])
def test_a_refresh_ends_in_time(source: Connection, dbt: Dbt, row_estimate: int | None) -> None:
    """Under a time limit that one nested loop of this size would exceed by far."""

    def spoil_statistics() -> None:
        if row_estimate is not None:
            volume.empty_statistics(source)

    generate_recordings(source, range(20_001, 50_001), contacts=6_000)
    spoil_statistics()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGOPTIONS", "-c statement_timeout=60s")
        dbt.run("run")
        # All of these calls come before known ones.
        generate_recordings(source, range(1, 20_001), contacts=6_000)
        spoil_statistics()
        dbt.run("build")
    loaded = "select count(*), count(distinct source_row_id) from media_pipeline.audio_files"
    assert one(source, loaded) == (50_000, 50_000)
    assert misnumbered(source) == []


# The second and later statements add to the files of a campaign: one in three failed, and one in a
# hundred is claimed.
FILES: list[LiteralString] = [
    """
    insert into media_pipeline.audio_files
    (id, url, url_sha1, phone, campaign_name, started, duration_seconds)
    select
        n, n, n, '+493023125' || to_char(n %% 1000, 'FM000'), %(campaign)s,
        timestamptz '2026-01-01' + n * interval '1 minute', 60
    from generate_series(%(first)s::bigint, %(last)s::bigint) as n
    """,
    """
    insert into media_pipeline.transcriptions (audio_file_id, status)
    select id, case id %% 3 when 0 then 'failed' when 1 then 'completed' else 'pending' end
    from media_pipeline.audio_files where campaign_name = %(campaign)s
    """,
    """
    insert into media_pipeline.transcription_failures (audio_file_id, status, ignore_until)
    select
        id, case id %% 2 when 0 then 'permanent' else 'transient' end, now() + interval '1 hour'
    from media_pipeline.audio_files where campaign_name = %(campaign)s and id %% 3 = 0
    """,
    """
    insert into media_pipeline.transcription_claims (audio_file_id, claimed_by)
    select id, 'a worker'
    from media_pipeline.audio_files where campaign_name = %(campaign)s and id %% 100 = 2
    """,
]


def add_files(connection: Connection, ids: range, campaign: str) -> None:
    """Insert files of a campaign, with what became of them."""
    for statement in FILES:
        parameters = {"campaign": campaign, "first": ids.start, "last": ids.stop - 1}
        connection.execute(statement, parameters)


QUEUE = tuple(
    f"media_pipeline.{name}"
    for name in ("transcriptions", "transcription_failures", "transcription_claims")
)
READS: list[LiteralString] = [
    "select * from media_pipeline.transcription_progress",
    "select * from media_pipeline.transcription_progress where campaign_name = 'new'",
    "select * from media_pipeline.call_log",
    "select * from media_pipeline.call_log where campaign_name = 'new'",
    "select * from media_pipeline.call_log order by started desc nulls last limit 20",
    "select * from media_pipeline.call_log where phone = '+493023125001'",
    "select * from media_pipeline.phone_history where phone = '+493023125001'",
]


@pytest.mark.parametrize("statistics", volume.STATISTICS)
def test_no_view_is_quadratic(source: Connection, dbt: Dbt, statistics: str) -> None:
    volume.without_autovacuum(source, QUEUE)
    dbt.run("run")
    add_files(source, range(1, 51), "known")
    if statistics == "stale":
        source.execute("analyze")
    add_files(source, range(51, RECORDINGS + 1), "new")
    if statistics == "analysed while empty":
        volume.empty_statistics(source)
    assert {query: bad for query in READS if (bad := too_long(source, query))} == {}
