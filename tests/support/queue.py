"""A worker's view of the queue, and completions, for tests and benchmarks of its statements."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from transcriber.core.clock import SYSTEM_CLOCK
from transcriber.core.transcript import Transcript
from transcriber.core.verdicts import FileFailure
from transcriber.db.connect import open_pool
from transcriber.providers import ChosenProvider
from transcriber.queue.claims import Claims
from transcriber.queue.jobs import Completion, Job, RetryPolicy, Selection
from transcriber.queue.outages import Outages
from transcriber.queue.statement import Statements
from transcriber.queue.upkeep import Upkeep

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from transcriber.core.clock import Clock
    from transcriber.db.connect import Pool
    from transcriber.queue.jobs import Pending

PROVIDER = ChosenProvider(
    name="openai", stored_as="OpenAI", model="gpt-transcribe",
    connect=lambda _slots: NotImplemented, default_concurrency=1,
)  # fmt: skip
AUDIO = {"duration_seconds": 120.0, "codec": "mp3", "sample_rate": 8000, "channels": 2}


class Queue(Claims):
    """One worker's claims, and its upkeep of the queue beside them."""

    def __init__(
        self,
        pool: Pool,
        selection: Selection | None = None,
        *,
        claim_ttl: float = 120.0,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Take the files that the worker selects; print the outages of the database."""
        self.selection = selection or Selection()
        statements = Statements(pool, print)
        super().__init__(
            statements,
            provider=PROVIDER,
            claim_ttl=claim_ttl,
            selection=self.selection,
            clock=clock,
        )
        self.upkeep = Upkeep(statements, clock)
        self.table_of_outages = Outages(statements, PROVIDER.paused_as)
        self._pool = pool

    async def enqueue(self) -> None:
        """Bring the queue up to date with the tables."""
        await self.upkeep.enqueue()

    async def count_pending(self) -> Pending:
        """Count the files that the worker may claim."""
        return await self.upkeep.count_pending(self.selection)

    async def count_queued(self) -> int:
        """Count the files in the queue, claimed ones included."""
        async with self._pool.connection() as connection:
            cursor = await connection.execute(
                "select audio_file_id from media_pipeline.queued_files"
            )
            return len(await cursor.fetchall())


def completion_of(job: Job) -> Completion:
    """Return a completion with a tiny transcript."""
    return Completion(
        job,
        Transcript("hello", raw={"text": "hello"}),
        audio=AUDIO,
        audio_seconds=120.0,
        content_sha256="0" * 64,
        file_size_bytes=1000,
        seconds=0.5,
        cost=0.001,
    )


async def fail(queue: Claims, job: Job, cooldown: float = 3600) -> str | None:
    """Record a transient failure."""
    failure = FileFailure("no answer", permanent=False)
    return await queue.fail(job, failure, RetryPolicy(max_attempts=1000, cooldown=cooldown))


def run_with_two_workers(scenario: Callable[[Queue, Queue], Awaitable[None]]) -> None:
    """Run a scenario with two workers' views of the queue, which is up to date."""

    async def run() -> None:
        async with open_pool() as pool:
            first, second = Queue(pool), Queue(pool)
            await first.enqueue()
            await scenario(first, second)

    asyncio.run(run())
