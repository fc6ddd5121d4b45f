"""What the queue costs, and how it compares with other queues, on a PostgreSQL of its own.

The server has default settings (fsync and synchronous_commit are on). The first run installs the
other queues into .bench/. Compare the ratios, because seconds depend on the load of the machine.

A kill of our worker loses only results that are not committed yet, as it would with one write for
each result: results that are ready together are written together, and no result waits for one that
is not ready. With jobs of seconds that is a result or two. With no-op jobs the files in flight
bound it: a worker claims at most `2 * LARGEST_BATCH` files ahead, and claims no more while over
`2 * LARGEST_WRITE` results wait to be written. Other workers then do those files once more.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from tests.benchmarks.queue import claims, cycle
from tests.support.servers.postgres import DURABLE, running_server

PARTS = ("drain", "states", "cycle")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        "python -m tests.benchmarks.queue", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--only", choices=PARTS, help="one table instead of all")
    parser.add_argument("--files", type=int, default=100_000, help="files of `drain` [100000]")
    parser.add_argument(
        "--catalogue", type=int, default=1_000_000, help="files of `states` [1000000]"
    )
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bin-dir", type=Path, help="another PostgreSQL's programs [embedded]")
    arguments = parser.parse_args()
    with running_server(bin_dir=arguments.bin_dir, settings=DURABLE) as server:
        os.environ |= server.environment()
        if arguments.only in {None, "drain"}:
            claims.drain(server, arguments.files)
        if arguments.only in {None, "states"}:
            claims.states(server, arguments.catalogue)
        if arguments.only in {None, "cycle"}:
            cycle.compare(server, arguments.concurrency, arguments.rounds)


if __name__ == "__main__":
    main()
