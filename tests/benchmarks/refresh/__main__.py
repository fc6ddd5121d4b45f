"""What the refresh costs beside the SQL of the handover guide, on a PostgreSQL of its own.

The guide's section 4 fills the catalogue with three statements. Databases with the same source are
refreshed in turns: by those statements, by `dbt build`, by `dbt run` (a build without its tests),
and by the statements that dbt sends, without dbt ("bare SQL"). There are three phases: the first
load; 10,000 new recordings, of which 500 are late and 500 repeat a URL; nothing new. The server has
PostgreSQL's default settings, but is vacuumed between the phases instead of by autovacuum, because
WAL is counted for the whole server.

The server is Debian's PostgreSQL 15 where that is installed, because the guide's statements hash
with pgcrypto, which the embedded PostgreSQL lacks. On the embedded one, both sides hash with the
loop of a migration.
"""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

import psycopg

from tests.benchmarks.refresh.set_up import add_bin_dir, server_and_folder
from tests.benchmarks.refresh.sides import Cost, Side, sides
from tests.support.refresh import volume
from tests.support.servers.postgres import DURABLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.servers.postgres import Server

NEW = 10_000
PHASES = ("first load", f"+{NEW:,} new", "nothing new")


def phases(side_list: list[Side], recordings: int) -> Iterator[tuple[str, str, Cost]]:
    """Run the three phases, each on one side after the other."""
    for phase in PHASES:
        for side in side_list:
            with side.connection() as connection:
                if phase == PHASES[1]:
                    volume.add_new_recordings(connection, NEW, known=recordings)
                connection.execute("vacuum (analyze)")
            yield phase, side.name, side.cost()


def compare(server: Server, folder: Path, recordings: int) -> None:
    """Print the costs of each side in each phase, and the ratios to those of the guide's SQL."""
    print(f"\n{recordings:,} recordings of {volume.contacts_of(recordings):,} contacts")
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
    """Print the costs of the refresh as the catalogue grows, and the factor to the size before."""
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
    parser = argparse.ArgumentParser("python -m tests.benchmarks.refresh", description=__doc__)
    parser.add_argument("--recordings", type=int, default=1_000_000)
    parser.add_argument(
        "--growth", type=int, nargs="*", metavar="RECORDINGS",
        help="measure growth instead [100000 1000000 5000000]",
    )  # fmt: skip
    add_bin_dir(parser)
    arguments = parser.parse_args()
    settings = {**DURABLE, "autovacuum": "off"}
    with server_and_folder(arguments.bin_dir, settings) as (server, folder):
        with psycopg.connect(server.conninfo()) as connection:
            version = connection.info.parameter_status("server_version")
        print(f"PostgreSQL {version}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        if arguments.growth is None:
            compare(server, folder, arguments.recordings)
        else:
            growth(server, folder, arguments.growth or [100_000, 1_000_000, 5_000_000])


if __name__ == "__main__":
    main()
