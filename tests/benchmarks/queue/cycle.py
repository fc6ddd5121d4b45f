"""Whole cycles (claim, no-op, complete) of our queue and of its peers, on the same server."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from tests.benchmarks import databases
from tests.benchmarks.measures import server_cpu_seconds
from tests.benchmarks.queue import peers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.servers.postgres import Server

CLIENTS = Path(__file__).parent / "clients"
COMMANDS: dict[str, list[str | Path]] = {
    "ours": [sys.executable, "-m", "tests.benchmarks.queue.clients.ours"],
    "procrastinate": [peers.PYTHON, CLIENTS / "procrastinate_client.py"],
    "pgqueuer": [peers.PYTHON, CLIENTS / "pgqueuer_client.py"],
    "graphile-worker": ["node", CLIENTS / "graphile_client.mjs"],
}

# A user of the peers writes this for each job. Our queue stores a transcript with the completion.
TABLE = """
    create table public.transcripts (
        id bigint generated always as identity primary key,
        transcript_text text, metadata jsonb, raw_response jsonb
    )
"""
STORE = """
    insert into public.transcripts (transcript_text, metadata, raw_response)
    values ('hello', '{"worker": "somebody", "seconds": 0.0}', '{"text": "hello"}')
"""


@dataclass(frozen=True)
class Contender:
    """A queue with its settings, and as many jobs as it does in a second or two."""

    name: str
    client: str
    batch: int
    jobs: int
    stores: bool = False


NO_OP = (
    Contender("ours, results written together", "ours", 1000, 20_000),
    Contender("ours, one write a result", "ours", 1, 1_000),
    Contender("procrastinate", "procrastinate", 1, 1_000),
    Contender("pgqueuer, batches of 50", "pgqueuer", 50, 10_000),
    Contender("pgqueuer, batches of 500", "pgqueuer", 500, 20_000),
    Contender("graphile-worker, batches of 50", "graphile-worker", 50, 20_000),
    Contender("graphile-worker, batches of 500", "graphile-worker", 500, 40_000),
)
STORING = (
    Contender("procrastinate, job stores", "procrastinate", 1, 1_000, stores=True),
    Contender("pgqueuer 50, job stores", "pgqueuer", 50, 5_000, stores=True),
    Contender("pgqueuer 500, job stores", "pgqueuer", 500, 5_000, stores=True),
    Contender("graphile-worker 50, job stores", "graphile-worker", 50, 5_000, stores=True),
    Contender("graphile-worker 500, job stores", "graphile-worker", 500, 5_000, stores=True),
)


@dataclass(frozen=True)
class Run:
    """One drain: jobs a second, and CPU milliseconds a job in the client and in the server."""

    rate: float
    client_ms: float
    server_ms: float


def compare(server: Server, concurrencies: Sequence[int], rounds: int) -> None:
    """Let the contenders drain their queues in turns; print the medians."""
    peers.install()
    runs: defaultdict[tuple[str, int], list[Run]] = defaultdict(list)
    for number in range(rounds):
        for concurrency in concurrencies:
            field = NO_OP + (STORING if concurrency == concurrencies[-1] else ())
            # Each round begins with another contender, because each may suffer from the one before.
            for contender in field[number:] + field[:number]:
                runs[contender.name, concurrency].append(_drain(server, contender, concurrency))
    _print(runs, concurrencies, rounds)


def _drain(server: Server, contender: Contender, concurrency: int) -> Run:
    with databases.temporary(server, "bench") as environment:
        with psycopg.connect(autocommit=True) as connection:
            connection.execute(TABLE)
        asked = {"BENCH_PEERS": str(peers.FOLDER)}
        if contender.stores:
            asked["BENCH_STORE"] = STORE
        arguments = map(str, (contender.jobs, concurrency, contender.batch))
        process = subprocess.Popen(
            [*COMMANDS[contender.client], *arguments],
            env={**os.environ, **environment, **asked},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        # psycopg and npm packages may print lines before this one.
        while (line := process.stdout.readline()) and line != "begin\n":
            pass
        cpu = server_cpu_seconds(server.pid)
        line = process.stdout.readline()
        time.sleep(0.1)  # Server processes that are about to end are counted only afterwards.
        cpu = server_cpu_seconds(server.pid) - cpu
        process.communicate()
    if process.returncode:
        raise RuntimeError(f"{contender} failed")
    told = json.loads(line)
    if told["jobs"] != contender.jobs:
        raise RuntimeError(f"{contender} did {told['jobs']} jobs")
    jobs = contender.jobs
    return Run(jobs / told["seconds"], 1000 * told["cpu"] / jobs, 1000 * cpu / jobs)


def _print(
    runs: dict[tuple[str, int], list[Run]], concurrencies: Sequence[int], rounds: int
) -> None:
    last = concurrencies[-1]
    print(f"\nno-op jobs a second, one client process; medians of {rounds} alternating rounds")
    heads = [f"C={concurrency}" for concurrency in concurrencies]
    cpu = [f"client ms@{last}", f"server ms@{last}", "ours is"]
    print(f"{'':<34}" + "".join(f"{head:>9}" for head in heads) + "".join(f"{x:>14}" for x in cpu))
    ours = statistics.median(run.rate for run in runs[NO_OP[0].name, last])
    for contender in NO_OP + STORING:
        cells = []
        for concurrency in concurrencies:
            found = runs.get((contender.name, concurrency))
            cells.append(f"{statistics.median(run.rate for run in found):>9,.0f}" if found else "")
        at_last = runs[contender.name, last]
        rate, client, server = (
            statistics.median(values)
            for values in zip(*((r.rate, r.client_ms, r.server_ms) for r in at_last), strict=True)
        )
        print(
            f"{contender.name:<34}"
            + "".join(f"{cell:>9}" for cell in cells)
            + f"{client:>14.3f}{server:>14.3f}{ours / rate:>13.2f}x"
        )
