"""Write transcripts back: what is ready together is written together, and none waits for others."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from transcriber.core.verdicts import FileFailure
from transcriber.db.answers import RefusedError
from transcriber.worker.outcome import Completed, Lost

if TYPE_CHECKING:
    from transcriber.queue.claims import Claims
    from transcriber.queue.jobs import Completion
    from transcriber.worker.failures import Failures
    from transcriber.worker.leases import Flight, Leases
    from transcriber.worker.outcome import Listener

# A slow database makes large batches, a quick one small.
LARGEST_WRITE = 300


class Writer:
    """The transcripts of one worker that are not yet in the database."""

    def __init__(
        self, claims: Claims, leases: Leases, failures: Failures, listener: Listener
    ) -> None:
        """Have nothing to write yet."""
        self._claims = claims
        self._leases = leases
        self._failures = failures
        self._listener = listener
        self._done: list[tuple[Flight, Completion]] = []
        self._any_done = asyncio.Event()

    @property
    def is_behind(self) -> bool:
        """Whether the database is slower than the slots."""
        return len(self._done) > 2 * LARGEST_WRITE

    def add(self, flight: Flight, completion: Completion) -> None:
        """Take a transcript; it is paid for."""
        self._done.append((flight, completion))
        self._any_done.set()

    async def keep_writing(self) -> None:
        """Write what comes. Several may do so: one writes while another waits for the disk."""
        while True:
            await self._any_done.wait()
            self._any_done.clear()
            await self.write()

    async def write(self) -> None:
        """Write what is there. What could not be written because of an error stays.

        Where PostgreSQL refuses a batch, its transcripts are written one by one: the one that it
        refuses fails for good, and the others are stored.
        """
        while batch := self._done[:LARGEST_WRITE]:
            del self._done[: len(batch)]
            try:
                await self._write(batch)
            except RefusedError:
                await self._write_one_by_one(batch)
            except BaseException:
                self._done[:0] = batch
                raise

    async def _write(self, batch: list[tuple[Flight, Completion]]) -> None:
        # A job may be held under a newer claim than the one that its transcript was made under.
        completions = [
            each if each.job is flight.job else replace(each, job=flight.job)
            for flight, each in batch
        ]
        written = await self._claims.complete(completions)
        for (flight, _), completion in zip(batch, completions, strict=True):
            self._hear(flight, completion, is_written=completion.result_id in written)

    async def _write_one_by_one(self, batch: list[tuple[Flight, Completion]]) -> None:
        try:
            while batch:
                flight, _ = batch[0]
                try:
                    await self._write(batch[:1])
                except RefusedError as refused:
                    reason = f"PostgreSQL refuses the transcript (SQLSTATE {refused.sqlstate})"
                    await self._failures.record(flight, FileFailure(reason, permanent=True))
                del batch[0]
        finally:
            self._done[:0] = batch  # What an error left over is written later.

    def _hear(self, flight: Flight, completion: Completion, *, is_written: bool) -> None:
        if not is_written and flight.job != completion.job:
            self._done.append((flight, completion))  # It was claimed anew meanwhile: write again.
            return
        self._leases.forget(flight)
        audio_file_id = flight.job.audio_file_id
        self._listener(
            Completed(
                audio_file_id,
                audio_seconds=completion.audio_seconds,
                seconds=completion.seconds,
                cost_usd=completion.cost,
            )
            if is_written
            else Lost(audio_file_id)
        )
