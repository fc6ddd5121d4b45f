"""What becomes of a file whose step raises an unexpected error."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING

from tests.support.database.catalogue import add_many_audio_files, one
from tests.support.queue import Queue
from transcriber.db.connect import open_pool
from transcriber.queue.jobs import RetryPolicy
from transcriber.worker.attempts import Attempts
from transcriber.worker.failures import Failures
from transcriber.worker.leases import Leases
from transcriber.worker.outcome import Event, Failed
from transcriber.worker.services import Services

if TYPE_CHECKING:
    import psycopg

PHONE = "+493023125001"
ERROR = "select error from media_pipeline.transcription_failures"


async def step() -> str:
    """Fail like a defect of ours."""
    raise ZeroDivisionError(PHONE)


def test_an_unexpected_error_names_its_place_and_nothing_personal(
    connection: psycopg.Connection,
) -> None:
    add_many_audio_files(connection, 1)
    events: list[Event] = []

    async def scenario() -> None:
        async with open_pool() as pool:
            queue = Queue(pool)
            await queue.enqueue()
            leases = Leases(queue, events.append)
            failures = Failures(queue, leases, RetryPolicy(), events.append)
            services = Services(queue.table_of_outages, leases, failures, events.append)
            attempts = Attempts(queue, leases, services, failures, lambda _: None)
            (flight,) = leases.take((await queue.claim(1)).jobs, leases.now())
            assert await attempts.transcribe(flight, step()) is None
            assert len(leases) == 0

    asyncio.run(scenario())
    line = inspect.getsourcelines(step)[1] + 2
    reason = f"unexpected ZeroDivisionError at test_attempts.py:{line}"
    assert events == [Failed(1, "transient", reason)]
    assert one(connection, ERROR) == reason
