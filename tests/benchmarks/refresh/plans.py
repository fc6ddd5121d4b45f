"""Whether the planner can be surprised: a refresh by size and by the state of the statistics.

The refresh's own SQL, without dbt: the first load, and 1 % more, on tables never analysed, analysed
while empty, or analysed when the first 1 % was there. Prints microseconds a recording, and by how
much the worst is above the best of its phase. What a refresh of next to nothing takes, its planning
above all, is fixed: it is measured first and taken off.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import psycopg

from tests.benchmarks.refresh.__main__ import DEBIAN_15, credentials, database
from tests.support.refresh import statements as refresh
from tests.support.refresh.dbt import SOURCE_TABLES, Dbt
from tests.support.servers.postgres import Server, embedded_bin_dir, running_server
from transcriber.db import migrate

SIZES = [1_000, 10_000, 50_000, 200_000, 1_000_000]
PHASES = ("first load", "+1 %")


def seconds(connection: psycopg.Connection, transactions: list[refresh.Transaction]) -> float:
    """Refresh, and return how long it took."""
    began = time.perf_counter()
    refresh.run(connection, transactions)
    return time.perf_counter() - began


def measure(
    server: Server, transactions: list[refresh.Transaction], statistics: str, size: int
) -> tuple[float, float, float]:
    """Return the seconds of a first load, of 1 % more, and of a refresh with next to nothing."""
    database(server, "measured", "empty")
    with psycopg.connect(**credentials(server) | {"dbname": "measured"}, autocommit=True) as opened:
        refresh.without_autovacuum(opened)
        fixed = min(seconds(opened, transactions) for _ in range(3))
        refresh.load_with_statistics(opened, statistics, size, transactions)
        first = seconds(opened, transactions)
        refresh.add_new_recordings(opened, size // 100, known=size)
        if statistics == refresh.STATISTICS[1]:
            refresh.empty_statistics(opened)
        return first, seconds(opened, transactions), fixed


def main() -> None:
    """Print a table for each phase."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=int, nargs="*", default=SIZES)
    parser.add_argument(
        "--bin-dir", type=Path, help="a PostgreSQL's bin folder [Debian's 15, else embedded]",
        default=DEBIAN_15 if DEBIAN_15.exists() else embedded_bin_dir(),
    )  # fmt: skip
    arguments = parser.parse_args()
    with (
        running_server(bin_dir=arguments.bin_dir) as server,
        tempfile.TemporaryDirectory(prefix="bench-refresh-") as folder,
    ):
        database(server, "empty")
        os.environ |= server.environment("empty")
        migrate.apply()
        with psycopg.connect(autocommit=True) as connection:
            connection.execute(SOURCE_TABLES)
        transactions = refresh.transactions(Dbt(Path(folder) / "dbt"), "empty")
        best: dict[str, list[float]] = {phase: [] for phase in PHASES}
        print(f"{'us a recording':<14}" + "".join(f"{size:>22,}" for size in arguments.recordings))
        print(f"{'':<14}" + f"{'first load':>14}{'+1 %':>8}" * len(arguments.recordings))
        for statistics in refresh.STATISTICS:
            line = ""
            for size in arguments.recordings:
                *found, fixed = measure(server, transactions, statistics, size)
                each = [max(taken - fixed, 0) / size * 1e6 for taken in found]
                for phase, value in zip(PHASES, each, strict=True):
                    best[phase].append(value)
                line += f"{each[0]:>14.1f}{each[1]:>8.1f}"
            print(f"{statistics:<14.14}{line}", flush=True)
    for phase, values in best.items():
        print(f"{phase}: the worst is {max(values) / min(values):.1f} times the best")


if __name__ == "__main__":
    main()
