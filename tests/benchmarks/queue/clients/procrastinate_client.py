"""Procrastinate has no batches, so BATCH has no effect."""
# mypy: ignore-errors

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time

from procrastinate import App, PsycopgConnector
from psycopg_pool import AsyncConnectionPool

logging.disable(logging.CRITICAL)
STORE = os.environ.get("BENCH_STORE")


async def main(jobs: int, concurrency: int, batch: int) -> None:
    """Fill the queue, drain it, and print the result."""
    del batch
    app = App(connector=PsycopgConnector(min_size=1, max_size=concurrency + 2))
    own = AsyncConnectionPool(
        min_size=concurrency, max_size=concurrency, kwargs={"autocommit": True}, open=False
    )
    done = 0

    @app.task(name="nothing")
    async def nothing() -> None:
        nonlocal done
        done += 1
        if STORE:
            async with own.connection() as connection:
                await connection.execute(STORE)

    async with own, app.open_async():
        await own.wait()
        await app.schema_manager.apply_schema_async()
        await nothing.batch_defer_async(*({} for _ in range(jobs)))
        async with own.connection() as connection:
            await connection.execute("vacuum analyze")
            await connection.execute("checkpoint")
        print("begin", flush=True)
        began, cpu = time.perf_counter(), time.process_time()
        await app.run_worker_async(
            concurrency=concurrency, wait=False, listen_notify=False, install_signal_handlers=False
        )
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(json.dumps({"jobs": done, "seconds": seconds, "cpu": cpu}), flush=True)
    sys.stdin.read()


asyncio.run(main(*map(int, sys.argv[1:])))
