"""The ways to refresh that the benchmark compares, and the costs that it measures of each."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import psycopg

from tests.benchmarks import databases
from tests.benchmarks.measures import server_cpu_seconds
from tests.benchmarks.refresh.set_up import create_source
from tests.support.database import handover
from tests.support.refresh import statements, volume
from tests.support.refresh.dbt import Dbt, finish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.servers.postgres import Server


@dataclass(frozen=True)
class Cost:
    """The costs of one refresh; `cpu` counts the server's processes, `client_cpu` those of dbt."""

    seconds: float
    cpu: float
    client_cpu: float
    wal_mb: float
    inserted: int
    updated: int
    heap_mb: float

    HEADER = (
        f"{'seconds':>9}{'CPU s':>8}{'+ dbt':>7}{'WAL MB':>9}"
        f"{'inserted':>11}{'rewritten':>11}{'heap MB':>9}"
    )

    def __str__(self) -> str:
        return (
            f"{self.seconds:>9.2f}{self.cpu:>8.2f}{self.client_cpu:>7.2f}{self.wal_mb:>9.2f}"
            f"{self.inserted:>11,}{self.updated:>11,}{self.heap_mb:>9.0f}"
        )


class Side:
    """A way to refresh, with a database of its own."""

    def __init__(self, server: Server, name: str, action: Callable[[], float]) -> None:
        """Take a function that refreshes the database of PG*, and returns its CPU seconds."""
        self.server = server
        self.name = name
        self.database = name.replace(" ", "_")
        self._action = action

    @contextlib.contextmanager
    def connection(self) -> Iterator[psycopg.Connection]:
        """Point PG* at the database, and connect to it."""
        os.environ |= self.server.environment(self.database)
        with psycopg.connect(autocommit=True) as opened:
            yield opened

    def cost(self) -> Cost:
        """Refresh once, after a checkpoint, so that PostgreSQL writes the most WAL that it can."""
        with self.connection() as connection:
            connection.execute("checkpoint")
            began = self._counters(connection)
        cpu = server_cpu_seconds(self.server.pid)
        clock = time.perf_counter()
        with self.connection():
            client_cpu = self._action()
        seconds = time.perf_counter() - clock
        with self.connection() as connection:
            ended = self._counters(connection)
        lsn, inserted, updated, _ = (new - old for new, old in zip(ended, began, strict=True))
        return Cost(
            seconds, server_cpu_seconds(self.server.pid) - cpu, client_cpu,
            lsn / 1024**2, inserted, updated, ended[3] / 1024**2,
        )  # fmt: skip

    @staticmethod
    def _counters(connection: psycopg.Connection) -> tuple[int, int, int, int]:
        # PostgreSQL counts the rows of a session up to a second after its end.
        time.sleep(1.1)
        found = connection.execute(
            """
            select (pg_current_wal_insert_lsn() - '0/0')::bigint, n_tup_ins, n_tup_upd,
                pg_relation_size(relid)
            from pg_stat_all_tables where relid = 'media_pipeline.audio_files'::regclass
            """
        ).fetchone()
        assert found is not None
        return found


def handover_statements(connection: psycopg.Connection) -> list[str]:
    """Return the handover's insert, duration update and index update."""
    text = handover.statement("backfill").replace("%%", "%")
    if connection.execute("select from pg_extension where extname = 'pgcrypto'").fetchone() is None:
        text = text.replace(
            "encode(digest(r.location,'sha1'),'hex')", "media_pipeline.url_sha1(r.location)"
        )
    return [part for part in text.split(";\n") if part.strip()]


def timed(dbt: Dbt, command: str) -> float:
    """Run a dbt command; return the CPU seconds of its processes."""
    before = os.times()
    finish(dbt.start(command, **statements.VARS))
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4])


def prepare(server: Server, folder: Path, recordings: int) -> list[statements.Transaction]:
    """Make the database `source`, and return the statements of a refresh."""
    transactions = create_source(server, "source", folder)
    with psycopg.connect(autocommit=True) as connection:
        volume.fill(connection, recordings)
        connection.execute("vacuum (analyze)")
    return transactions


def sides(server: Server, folder: Path, recordings: int, names: tuple[str, ...]) -> list[Side]:
    """Return the ways to refresh, each with its own copy of the source."""
    transactions = prepare(server, folder, recordings)
    with psycopg.connect(autocommit=True) as connection:
        ours = handover_statements(connection)

    def handover() -> float:
        with psycopg.connect(autocommit=True) as connection:
            for each in ours:
                connection.execute(each.encode())
        return 0

    def bare() -> float:
        with psycopg.connect(autocommit=True) as connection:
            statements.run(connection, transactions)
        return 0

    actions = {"handover": handover, "bare SQL": bare}
    found = []
    for name in names:
        if name not in actions:
            dbt = Dbt(folder / name)
            actions[name] = partial(timed, dbt, name.removeprefix("dbt "))
        side = Side(server, name, actions[name])
        databases.create(server, side.database, "source")
        if name.startswith("dbt"):
            # A deployment is parsed once. dbt parses anew for a profile with another database, so
            # it does so here, before the measurement.
            with side.connection():
                dbt.run("parse", **statements.VARS)
        found.append(side)
    return found
