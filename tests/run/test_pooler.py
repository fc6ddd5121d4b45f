"""The worker and the operators' commands behind a pooler in transaction mode."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import psycopg
import pytest
from click.testing import CliRunner

from tests.support.database.catalogue import CLAIMS, COMPLETED, FAILURES
from tests.support.pipeline import ended
from tests.support.servers import pgbouncer
from tests.support.servers.pgbouncer import running_pgbouncer
from tests.support.servers.pooler import running_pooler
from tests.support.servers.provider import Answer, refusal
from transcriber.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.pipeline import Pipeline

ADVISORY_LOCKS = """
    select count(*)
    from pg_locks
    inner join pg_database on pg_locks.database = pg_database.oid
    where pg_locks.locktype = 'advisory' and pg_database.datname = current_database()
"""
# The pooler gives each transaction another connection, so that these look at all of them.
LOOKS = 4


@contextlib.contextmanager
def stand_in(connection: psycopg.Connection) -> Iterator[int]:
    """Run the stand-in before a connection's database; yield its port."""
    info = connection.info
    with running_pooler(
        info.hostaddr or info.host, info.port, user=info.user, database=info.dbname
    ) as pooler:
        yield pooler.port


@contextlib.contextmanager
def distributed(connection: psycopg.Connection) -> Iterator[int]:
    """Run the distribution's PgBouncer before a connection's database; yield its port."""
    info = connection.info
    server = {
        "PGHOST": info.host, "PGPORT": str(info.port), "PGUSER": info.user,
        "PGDATABASE": info.dbname,
    }  # fmt: skip
    with running_pgbouncer(server) as environment:
        yield int(environment["PGPORT"])


@pytest.fixture(
    params=[
        stand_in,
        pytest.param(
            distributed,
            marks=pytest.mark.skipif(pgbouncer.PROGRAM is None, reason="no pgbouncer here"),
        ),
    ]
)
def pooler(
    connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[int]:
    """Point PG* at a pooler before the test's own database; return its port."""
    with request.param(connection) as port:
        monkeypatch.setenv("PGHOST", "127.0.0.1")
        monkeypatch.setenv("PGPORT", str(port))
        yield port


@pytest.mark.usefixtures("pooler")
def test_two_workers_share_a_pooler(pipeline: Pipeline) -> None:
    pipeline.add_many(120)
    pipeline.provider.answer = lambda number, _: (
        refusal(400) if number % 20 == 0 else Answer(delay=0.02)
    )
    workers = [pipeline.start("--concurrency", "4") for _ in range(2)]
    assert {ended(worker)[0] for worker in workers} <= {0, 1}
    assert len(pipeline.calls()) == 120
    assert pipeline.one(COMPLETED) == 120 - pipeline.one(FAILURES) == 114
    assert pipeline.one(CLAIMS) == 0


@pytest.mark.usefixtures("pooler")
def test_nothing_of_a_worker_stays_in_the_pool(pipeline: Pipeline) -> None:
    pipeline.add_many(5)
    assert pipeline.run().exit_code == 0
    with psycopg.connect(autocommit=True, prepare_threshold=None) as pooled:
        for _ in range(LOOKS):
            look = (
                "select count(*) from pg_settings where source = 'session'"
                " and name not in ('client_encoding', 'application_name')"
            )
            assert pooled.execute(look).fetchone() == (0,)
            prepared = "select count(*) from pg_prepared_statements"
            assert pooled.execute(prepared).fetchone() == (0,)


@pytest.mark.usefixtures("pooler")
@pytest.mark.parametrize(
    "command",
    [
        ["status"],
        ["failures"],
        ["retry", "--error", "HTTP 400"],
        ["release", "--expired"],
        ["resume", "openai"],
    ],
    ids=" ".join,
)
def test_the_operators_commands_run_behind_a_pooler(command: list[str]) -> None:
    for _ in range(3):
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 0, result.output


@pytest.mark.usefixtures("pooler")
@pytest.mark.parametrize("arguments", [[], ["--rollback", "0001"]], ids=str)
def test_migrate_refuses_a_pooler_and_leaves_no_lock(
    connection: psycopg.Connection, arguments: list[str]
) -> None:
    result = CliRunner().invoke(main, ["migrate", *arguments])
    assert result.exit_code == 2
    assert "PGHOST and PGPORT" in result.stderr
    assert result.stderr.count("\n") == 1
    assert connection.execute(ADVISORY_LOCKS).fetchone() == (0,)


def test_the_stand_in_leaks_what_a_client_leaves(
    connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the other tests would show nothing."""
    with stand_in(connection) as port:
        monkeypatch.setenv("PGHOST", "127.0.0.1")
        monkeypatch.setenv("PGPORT", str(port))
        _look_at_leaks()


def _look_at_leaks() -> None:
    with psycopg.connect(autocommit=True, prepare_threshold=None) as first:
        for _ in range(LOOKS):
            first.execute("set plan_cache_mode = force_custom_plan")
    with psycopg.connect(autocommit=True, prepare_threshold=None) as second:
        assert second.execute("show plan_cache_mode").fetchone() == ("force_custom_plan",)
    with (
        psycopg.connect(autocommit=True, prepare_threshold=0) as third,
        pytest.raises(psycopg.Error, match="prepared statement"),
    ):
        _repeat(third)


def _repeat(connection: psycopg.Connection) -> None:
    for _ in range(LOOKS):
        connection.execute("select 1 where %s", [True])
