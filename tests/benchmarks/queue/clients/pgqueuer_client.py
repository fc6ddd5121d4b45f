"""pgqueuer fetches and completes jobs in batches, and runs all jobs of a batch at once.

CONCURRENCY has no effect. pgqueuer's own limits (`concurrency_limit`, `max_concurrent_tasks`) would
make it far slower, because it then waits for its next poll.
"""
# mypy: ignore-errors

from __future__ import annotations

import asyncio
import json
import os
import sys
import time

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.types import QueueExecutionMode

STORE = os.environ.get("BENCH_STORE")
ENQUEUED_AT_ONCE = 1000


async def main(jobs: int, concurrency: int, batch: int) -> None:
    """Fill the queue, drain it, and print the result."""
    connection = await asyncpg.connect()
    own = await asyncpg.create_pool(min_size=concurrency, max_size=concurrency)
    pgq = PgQueuer.from_asyncpg_connection(connection)
    await pgq.qm.queries.install()
    done = 0

    @pgq.entrypoint("nothing")
    async def nothing(_job: object) -> None:
        nonlocal done
        done += 1
        if STORE:
            await own.execute(STORE)

    for first in range(0, jobs, ENQUEUED_AT_ONCE):
        count = min(ENQUEUED_AT_ONCE, jobs - first)
        await pgq.qm.queries.enqueue(["nothing"] * count, [None] * count, [0] * count)
    await connection.execute("vacuum analyze")
    await connection.execute("checkpoint")
    print("begin", flush=True)
    began, cpu = time.perf_counter(), time.process_time()
    await pgq.qm.run(batch_size=batch, mode=QueueExecutionMode.drain)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(json.dumps({"jobs": done, "seconds": seconds, "cpu": cpu}), flush=True)
    sys.stdin.read()
    await own.close()


asyncio.run(main(*map(int, sys.argv[1:])))
