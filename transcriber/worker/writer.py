"""Write results back: what is ready together is written together, and none waits for another."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transcriber.queue.claims import Queue
    from transcriber.queue.jobs import Result
    from transcriber.worker.flight import Flight
    from transcriber.worker.leases import Leases
    from transcriber.worker.outcome import Progress

# A slow database makes large batches, a quick one small.
LARGEST_WRITE = 300


class Writer:
    """The results of one worker that are not yet in the database."""

    def __init__(self, queue: Queue, leases: Leases, progress: Progress) -> None:
        """Have nothing to write yet."""
        self._queue = queue
        self._leases = leases
        self._progress = progress
        self._done: list[tuple[Flight, Result]] = []
        self._any_done = asyncio.Event()

    @property
    def is_behind(self) -> bool:
        """Whether the database is slower than the slots."""
        return len(self._done) > 2 * LARGEST_WRITE

    def add(self, flight: Flight, result: Result) -> None:
        """Take a result; it is paid for."""
        self._done.append((flight, result))
        self._any_done.set()

    async def keep_writing(self) -> None:
        """Write whatever comes. Several may do so: one writes while another waits for the disk."""
        while True:
            await self._any_done.wait()
            self._any_done.clear()
            await self.write()

    async def write(self) -> None:
        """Write what is there. What the database did not take stays."""
        while batch := self._done[:LARGEST_WRITE]:
            results = [replace(result, job=flight.job) for flight, result in batch]
            del self._done[: len(batch)]
            try:
                written = await self._queue.complete(results)
            except BaseException:
                self._done[:0] = batch
                raise
            for (flight, _), result in zip(batch, results, strict=True):
                is_written = flight.job.audio_file_id in written
                if not is_written and flight.job != result.job:  # claimed anew meanwhile
                    self._done.append((flight, result))
                    continue
                self._leases.forget(flight)
                if is_written:
                    self._progress.completed(result)
                else:
                    self._progress.lost(flight.job)
