"""What the refresh costs beside the handover's own SQL, on a PostgreSQL of its own.

Databases with the same source are refreshed in turns: by the three statements of the handover's
section 4, by `dbt build`, by `dbt run` (a build without its tests), and by what dbt writes, sent
without dbt ("bare SQL"). Three phases: the first load; 10,000 new recordings, of which 500 are late
and 500 repeat a URL; nothing new. Settings are PostgreSQL's defaults, but autovacuum does its work
between the phases instead of at times of its own: WAL is counted for the whole server.

The server is Debian's PostgreSQL 15 where it is there, since the handover hashes with pgcrypto,
which the embedded one lacks; there, both sides hash with the loop of our migration.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from tests.support.database.handover import statement
from tests.support.refresh import statements as refresh
from tests.support.refresh.dbt import SOURCE_TABLES, Dbt, finish
from tests.support.servers.postgres import Server, embedded_bin_dir, running_server
from transcriber.db import migrate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")
DURABLE = {
    "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "autovacuum": "off",
}  # fmt: skip
NEW = 10_000
PHASES = ("first load", f"+{NEW:,} new", "nothing new")


@dataclass(frozen=True)
class Cost:
    """What a refresh took; `cpu` is that of the server, `client_cpu` that of dbt."""

    seconds: float
    cpu: float
    client_cpu: float
    wal_mb: float
    inserted: int
    updated: int
    heap_mb: float

    HEADER = f"{'seconds':>9}{'CPU s':>8}{'+ dbt':>7}{'WAL MB':>9}{'inserted':>11}{'rewritten':>11}{'heap MB':>9}"  # noqa: E501

    def __str__(self) -> str:
        return (
            f"{self.seconds:>9.2f}{self.cpu:>8.2f}{self.client_cpu:>7.2f}{self.wal_mb:>9.2f}"
            f"{self.inserted:>11,}{self.updated:>11,}{self.heap_mb:>9.0f}"
        )


def server_cpu(server: Server) -> float:
    """Return the CPU seconds of a server's processes, those that ended included (Linux only)."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            pid, _, rest = stat.read_text().partition(" (")
            fields = rest.rpartition(") ")[2].split()
            if int(pid) == server.pid:
                ticks += sum(map(int, fields[11:15]))
            elif int(fields[1]) == server.pid:
                ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


class Side:
    """A way to refresh, with a database of its own."""

    def __init__(self, server: Server, name: str, action: Callable[[], float]) -> None:
        """Take a function that refreshes the database that PG* names, and returns its own CPU."""
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
        """Refresh once, after a checkpoint: its full-page images are the worst case of WAL."""
        with self.connection() as connection:
            connection.execute("checkpoint")
            began = self._counters(connection)
        cpu = server_cpu(self.server)
        clock = time.perf_counter()
        with self.connection():
            client_cpu = self._action()
        seconds = time.perf_counter() - clock
        with self.connection() as connection:
            ended = self._counters(connection)
        lsn, inserted, updated, _ = (new - old for new, old in zip(ended, began, strict=True))
        return Cost(
            seconds, server_cpu(self.server) - cpu, client_cpu,
            lsn / 1024**2, inserted, updated, ended[3] / 1024**2,
        )  # fmt: skip

    @staticmethod
    def _counters(connection: psycopg.Connection) -> tuple[int, int, int, int]:
        # the last process to end may not have counted its rows yet
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
    text = statement("backfill").replace("%%", "%")
    if connection.execute("select from pg_extension where extname = 'pgcrypto'").fetchone() is None:
        text = text.replace(
            "encode(digest(r.location,'sha1'),'hex')", "media_pipeline.url_sha1(r.location)"
        )
    return [part for part in text.split(";\n") if part.strip()]


def timed(dbt: Dbt, command: str) -> float:
    """Run a dbt command; return the CPU seconds of its process."""
    before = os.times()
    finish(dbt.start(command, **refresh.VARS))
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4])


def database(server: Server, name: str, template: str | None = None) -> None:
    """Create a database, on a template's files where one is given."""
    with psycopg.connect(**credentials(server), autocommit=True) as connection:
        connection.execute(
            sql.SQL("drop database if exists {} (force)").format(sql.Identifier(name))
        )
        connection.execute(
            sql.SQL("create database {} template {}").format(
                sql.Identifier(name), sql.Identifier(template or "template0")
            )
        )


def credentials(server: Server) -> dict[str, Any]:
    """Return what psycopg wants to connect to the server."""
    return {"host": server.host, "port": server.port, "user": server.user, "dbname": "postgres"}


def prepare(server: Server, dbt: Dbt, recordings: int) -> list[refresh.Transaction]:
    """Make the database `source`, and return the statements of a refresh."""
    database(server, "source")
    os.environ |= server.environment("source")
    migrate.apply()
    with psycopg.connect(autocommit=True) as connection:
        connection.execute(SOURCE_TABLES)
        transactions = refresh.transactions(dbt, "source")
        refresh.fill(connection, recordings)
        connection.execute("vacuum (analyze)")
    return transactions


def sides(server: Server, folder: Path, recordings: int, names: tuple[str, ...]) -> list[Side]:
    """Return the ways to refresh, each with a copy of the source."""
    transactions = prepare(server, Dbt(folder / "source"), recordings)
    with psycopg.connect(autocommit=True) as connection:
        ours = handover_statements(connection)

    def handover() -> float:
        with psycopg.connect(autocommit=True) as connection:
            for each in ours:
                connection.execute(each.encode())
        return 0

    def bare() -> float:
        with psycopg.connect(autocommit=True) as connection:
            refresh.run(connection, transactions)
        return 0

    actions = {"handover": handover, "bare SQL": bare}
    found = []
    for name in names:
        if name not in actions:
            dbt = Dbt(folder / name)
            actions[name] = partial(timed, dbt, name.removeprefix("dbt "))
        side = Side(server, name, actions[name])
        database(server, side.database, "source")
        if name.startswith("dbt"):
            # parsed once per deployment: a profile that names another database is parsed anew
            with side.connection():
                dbt.run("parse", **refresh.VARS)
        found.append(side)
    return found


def phases(side_list: list[Side], recordings: int) -> Iterator[tuple[str, str, Cost]]:
    """Run the three phases, the sides in turns."""
    for phase in PHASES:
        for side in side_list:
            with side.connection() as connection:
                if phase == PHASES[1]:
                    refresh.add_new_recordings(connection, NEW, known=recordings)
                connection.execute("vacuum (analyze)")
            yield phase, side.name, side.cost()


def compare(server: Server, folder: Path, recordings: int) -> None:
    """Print what each side costs in each phase, and the ratios to the handover's."""
    print(f"\n{recordings:,} recordings of {refresh.contacts_of(recordings):,} contacts")
    print(f"{'':<24}{Cost.HEADER}{'time':>9}{'CPU':>7}{'WAL':>7}", flush=True)
    names = ("handover", "dbt build", "dbt run", "bare SQL")
    theirs = None
    for phase, name, cost in phases(sides(server, folder, recordings, names), recordings):
        if name == names[0]:
            theirs = cost
        assert theirs is not None
        cpu = (cost.cpu + cost.client_cpu) / theirs.cpu
        ratios = (
            f"{cost.seconds / theirs.seconds:>9.3f}{cpu:>7.3f}{cost.wal_mb / theirs.wal_mb:>7.3f}"
        )
        print(f"{phase:<13}{name:<11}{cost}{ratios if name != names[0] else ''}", flush=True)


def growth(server: Server, folder: Path, sizes: list[int]) -> None:
    """Print what the refresh costs as the catalogue grows, and by how much more than before."""
    print(f"\n{'growth':<36}{Cost.HEADER}{'time':>9}", flush=True)
    before: dict[tuple[str, str], float] = {}
    for size in sizes:
        for phase, name, cost in phases(sides(server, folder, size, ("bare SQL", "dbt run")), size):
            ratio = cost.seconds / before.get((phase, name), cost.seconds)
            before[phase, name] = cost.seconds
            times = f"  x{ratio:>6.1f}" if size != sizes[0] else ""
            print(f"{size:>10,}  {phase:<13}{name:<11}{cost}{times}", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=int, default=1_000_000)
    parser.add_argument(
        "--growth", type=int, nargs="*", metavar="RECORDINGS",
        help="measure growth instead [100000 1000000 5000000]",
    )  # fmt: skip
    parser.add_argument(
        "--bin-dir", type=Path, help="a PostgreSQL's bin folder [Debian's 15, else embedded]",
        default=DEBIAN_15 if DEBIAN_15.exists() else embedded_bin_dir(),
    )  # fmt: skip
    arguments = parser.parse_args()
    with (
        running_server(bin_dir=arguments.bin_dir, settings=DURABLE) as server,
        tempfile.TemporaryDirectory(prefix="bench-refresh-") as folder,
    ):
        with psycopg.connect(**credentials(server)) as connection:
            version = connection.info.parameter_status("server_version")
        print(f"PostgreSQL {version}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        if arguments.growth is None:
            compare(server, Path(folder), arguments.recordings)
        else:
            growth(server, Path(folder), arguments.growth or [100_000, 1_000_000, 5_000_000])


if __name__ == "__main__":
    main()
