"""The real worker on the real queue, with steps that return at once. BATCH 1: one write a job."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import psycopg

from tests.support.database.catalogue import add_many_audio_files
from transcriber.audio.probe import AudioInfo
from transcriber.db import migrate
from transcriber.db.connect import open_pool
from transcriber.providers import ProviderChoice, Transcript
from transcriber.queue.claims import Queue
from transcriber.queue.jobs import Choice, Result
from transcriber.worker import worker, writer
from transcriber.worker.flight import Limits
from transcriber.worker.outcome import Outcome, Progress

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from transcriber.queue.jobs import Job
    from transcriber.worker.flight import Confirm, Perform, Prepare

INFO = AudioInfo(120.0, "mp3", 8000, 2, "mp3", "audio/mpeg")
TRANSCRIPT = Transcript(text="hello", raw={"text": "hello"})
PROVIDER = ProviderChoice("openai", "OpenAI", "gpt-transcribe", lambda _: NotImplemented, 1)


class Nothing:
    """What a step prepared: here nothing that would have to be closed."""

    def close(self) -> None:
        """Do so."""


class NoWork:
    """The two steps of a `worker.Work`; the second confirms its claim, as the real one does."""

    @asynccontextmanager
    async def preparer(self) -> AsyncIterator[Prepare]:
        """Prepare nothing."""
        nothing = Nothing()

        async def prepare(job: Job) -> Nothing:
            del job
            return nothing

        yield prepare

    @asynccontextmanager
    async def performer(self) -> AsyncIterator[Perform]:
        """Answer at once."""

        async def perform(job: Job, prepared: Nothing, confirm: Confirm) -> Result:
            del prepared
            await confirm()
            return result_of(job)

        yield perform


class Silent(Progress):
    """Counts, and writes no lines."""

    def _tell(self, event: str, line: str, **facts: object) -> None:
        del event, line, facts


def result_of(job: Job) -> Result:
    """Return a tiny transcript."""
    return Result(job, TRANSCRIPT, INFO, "0" * 64, 1, 0.0)


async def main(jobs: int, concurrency: int, batch: int) -> None:
    """Fill, drain, report."""
    migrate.apply()
    writer.LARGEST_WRITE = min(writer.LARGEST_WRITE, batch)
    outcome = Outcome()
    progress = Silent(outcome, PROVIDER)
    async with open_pool() as pool:
        queue = Queue(
            pool, provider=PROVIDER, claim_ttl=120, choice=Choice(), on_outage=progress.outage
        )
        with psycopg.connect(autocommit=True) as connection:
            add_many_audio_files(connection, jobs)
            await queue.enqueue()
            connection.execute("vacuum analyze")
            connection.execute("checkpoint")
        engine = worker.Worker(queue, NoWork(), Limits(slots=concurrency), progress)
        print("begin", flush=True)
        began, cpu = time.perf_counter(), time.process_time()
        await engine.run()
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(json.dumps({"jobs": outcome.completed, "seconds": seconds, "cpu": cpu}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
