"""The files that a worker holds, and its claims on them.

A claim is prolonged while its file is worked on, and confirmed before anything is paid. Where it
was lost nevertheless, the work on its file ends at once.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, cast

from transcriber.core.verdicts import LostClaim
from transcriber.worker.flight import Flight, Phase, now

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from transcriber.queue.claims import Queue
    from transcriber.queue.jobs import Job
    from transcriber.worker.outcome import Progress


class Leases:
    """The flights of one worker, by file."""

    def __init__(self, queue: Queue, progress: Progress) -> None:
        """Hold nothing yet."""
        self._queue = queue
        self._progress = progress
        self._flights: dict[int, Flight] = {}
        self.changed = asyncio.Event()  # set when a file is held no longer

    def __len__(self) -> int:
        """Return how many files are held."""
        return len(self._flights)

    def __iter__(self) -> Iterator[int]:
        """Return the ids of the files held."""
        return iter(self._flights)

    def take(self, jobs: Iterable[Job], asked_at: float) -> Iterator[Flight]:
        """Hold claimed files; yield those that were not held already."""
        valid_until = asked_at + self._queue.claim_ttl
        for job in jobs:
            flight = self._flights.get(job.audio_file_id)
            if flight and flight.job.is_same_file(job):
                flight.hold(job, valid_until)  # its claim was deleted or had expired: go on
                continue
            if flight and flight.phase is not Phase.WRITING:
                self._drop(flight)  # the id is another file's now
                self._progress.lost(flight.job)
            flight = self._flights[job.audio_file_id] = Flight(job, valid_until)
            yield flight

    async def keep_renewing(self) -> None:
        """Prolong every claim at a third of its life."""
        while True:
            await asyncio.sleep(self._queue.claim_ttl / 3)
            await self._renew([*self._flights.values()])

    async def _renew(self, flights: list[Flight]) -> None:
        """Prolong claims, and drop the files that are no longer ours."""
        asked_at, asked = now(), {flight: flight.job for flight in flights}
        kept = await self._queue.renew([*asked.values()])
        for flight, job in asked.items():
            if flight.job != job:
                continue  # claimed anew meanwhile
            if job.audio_file_id in kept:
                flight.hold(kept[job.audio_file_id], asked_at + self._queue.claim_ttl)
            elif flight.phase is not Phase.WRITING and not flight.is_dropped:
                self._drop(flight)
                self._progress.lost(job)

    async def confirm(self, flight: Flight) -> None:
        """Make sure of a claim before paying: this process may have been frozen."""
        while not flight.is_dropped:
            if now() < flight.valid_until - self._queue.claim_ttl / 10:
                return
            await self._renew([flight])  # and look again: it may have been frozen meanwhile
        raise LostClaim

    @contextlib.contextmanager
    def working_on(self, flight: Flight) -> Iterator[None]:
        """Let a dropped file end the work on it, but not the task that does it."""
        flight.task = task = cast("asyncio.Task[None]", asyncio.current_task())
        try:
            yield
        except asyncio.CancelledError:
            if not flight.is_dropped:
                raise
        finally:
            flight.task = None
            if flight.is_cancelled:
                task.uncancel()
        if task.cancelling():  # the end of this worker, while the file was dropped
            raise asyncio.CancelledError

    def drop_all(self, phase: Phase) -> None:
        """End the work on all files in a phase; their claims are released at the end."""
        for flight in [*self._flights.values()]:
            if flight.phase is phase:
                self._drop(flight)

    def _drop(self, flight: Flight) -> None:
        flight.is_dropped = True
        if flight.task and flight.task is not asyncio.current_task():
            flight.is_cancelled = flight.task.cancel()
        self.forget(flight)

    def forget(self, flight: Flight) -> None:
        """Hold a file no longer: it is done, or no longer ours."""
        if self._flights.get(flight.job.audio_file_id) is flight:
            del self._flights[flight.job.audio_file_id]
        if flight.prepared is not None:
            flight.prepared.close()
        self.changed.set()

    def forget_all(self) -> None:
        """Hold nothing any longer."""
        for flight in [*self._flights.values()]:
            self.forget(flight)
