"""The real worker on the real queue, with steps that return at once.

With BATCH 1 the worker writes each result by itself.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import psycopg

from tests.support.database.catalogue import add_many_audio_files
from tests.support.queue import Queue, completion_of
from transcriber.db import migrate
from transcriber.db.connect import open_pool
from transcriber.queue.jobs import RetryPolicy
from transcriber.worker import writer
from transcriber.worker.options import RunLimits
from transcriber.worker.outcome import Outcome
from transcriber.worker.worker import Worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from transcriber.queue.jobs import Completion, Job
    from transcriber.worker.steps import Confirm, Prepare, Transcribe


class Nothing:
    """A prepared file that holds nothing to close."""

    def close(self) -> None:
        """Close nothing."""


class NoWork:
    """Both steps of a worker; the second confirms the claim, as the real one does."""

    @asynccontextmanager
    async def preparer(self) -> AsyncIterator[Prepare]:
        """Prepare nothing."""
        nothing = Nothing()

        async def prepare(job: Job) -> Nothing:
            del job
            return nothing

        yield prepare

    @asynccontextmanager
    async def transcriber(self) -> AsyncIterator[Transcribe]:
        """Answer at once."""

        async def transcribe(job: Job, prepared: Nothing, confirm: Confirm) -> Completion:
            del prepared
            await confirm()
            return completion_of(job)

        yield transcribe


async def main(jobs: int, concurrency: int, batch: int) -> None:
    """Fill the queue, drain it, and print the result."""
    migrate.apply()
    writer.LARGEST_WRITE = min(writer.LARGEST_WRITE, batch)
    outcome = Outcome()
    async with open_pool() as pool:
        queue = Queue(pool)
        with psycopg.connect(autocommit=True) as connection:
            add_many_audio_files(connection, jobs)
            await queue.enqueue()
            connection.execute("vacuum analyze")
            connection.execute("checkpoint")
        worker = Worker(
            queue,
            queue.upkeep,
            queue.table_of_outages,
            NoWork(),
            slots=concurrency,
            limits=RunLimits(),
            retry_policy=RetryPolicy(),
            listener=outcome.count,
        )
        print("begin", flush=True)
        began, cpu = time.perf_counter(), time.process_time()
        await worker.run()
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(json.dumps({"jobs": outcome.completed, "seconds": seconds, "cpu": cpu}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
