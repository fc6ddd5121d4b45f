"""Workers' views of the queue, and results, for tests of its statements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from transcriber.audio.probe import AudioInfo
from transcriber.core.verdicts import FileFailure
from transcriber.providers import ProviderChoice, Transcript
from transcriber.queue.claims import Queue
from transcriber.queue.jobs import Choice, Job, Result

if TYPE_CHECKING:
    from transcriber.db.connect import Pool


def new_queue(pool: Pool, claim_ttl: float = 60.0) -> Queue:
    """Return one more worker's view of the queue."""
    provider = ProviderChoice(
        name="openai", stored_as="OpenAI", model="gpt-transcribe",
        connect=lambda _slots: NotImplemented, default_concurrency=1,
    )  # fmt: skip
    return Queue(pool, provider=provider, claim_ttl=claim_ttl, choice=Choice(), on_outage=print)


def result_of(job: Job) -> Result:
    """Return a transcript."""
    sound = AudioInfo(1.0, "mp3", 8000, 1, "mp3", "audio/mpeg")
    return Result(job, Transcript("hello"), sound, "0" * 64, 1000, 0.5)


async def fail(queue: Queue, job: Job, cooldown: float = 3600) -> str | None:
    """Record a transient failure."""
    failure = FileFailure("no answer", permanent=False)
    return await queue.fail(job, failure, max_attempts=1000, cooldown=cooldown)
