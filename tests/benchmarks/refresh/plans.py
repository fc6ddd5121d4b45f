"""Whether statistics can mislead the planner: a refresh by size and by state of the statistics.

The benchmark runs the refresh's own SQL without dbt: the first load, then 1 % more. Its tables were
never analysed, or analysed while empty, or analysed when the first 1 % was there. It prints
microseconds a recording, and for each phase the worst value divided by the best. The time of a
refresh with next to nothing to do, most of it for planning, is measured first and subtracted.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

import psycopg

from tests.benchmarks import databases
from tests.benchmarks.refresh.set_up import add_bin_dir, create_source, server_and_folder
from tests.support.refresh import statements, volume

if TYPE_CHECKING:
    from tests.support.servers.postgres import Server

SIZES = [1_000, 10_000, 50_000, 200_000, 1_000_000]
PHASES = ("first load", "+1 %")


def seconds(connection: psycopg.Connection, transactions: list[statements.Transaction]) -> float:
    """Refresh; return how many seconds it took."""
    began = time.perf_counter()
    statements.run(connection, transactions)
    return time.perf_counter() - began


def measure(
    server: Server, transactions: list[statements.Transaction], statistics: str, size: int
) -> tuple[float, float, float]:
    """Return the seconds of a first load, of 1 % more, and of a refresh with next to nothing."""
    databases.create(server, "measured", "empty")
    with psycopg.connect(server.conninfo("measured"), autocommit=True) as opened:
        volume.without_autovacuum(opened)
        fixed = min(seconds(opened, transactions) for _ in range(3))
        volume.load_with_statistics(opened, statistics, size, transactions)
        first = seconds(opened, transactions)
        volume.add_new_recordings(opened, size // 100, known=size)
        if statistics == volume.STATISTICS[1]:
            volume.empty_statistics(opened)
        return first, seconds(opened, transactions), fixed


def main() -> None:
    """Print a table for each phase."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=int, nargs="*", default=SIZES)
    add_bin_dir(parser)
    arguments = parser.parse_args()
    with server_and_folder(arguments.bin_dir) as (server, folder):
        transactions = create_source(server, "empty", folder)
        best: dict[str, list[float]] = {phase: [] for phase in PHASES}
        print(f"{'us a recording':<14}" + "".join(f"{size:>22,}" for size in arguments.recordings))
        print(f"{'':<14}" + f"{'first load':>14}{'+1 %':>8}" * len(arguments.recordings))
        for statistics in volume.STATISTICS:
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
