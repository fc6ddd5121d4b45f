"""The worker: claim -> prepare -> perform -> write back.

    claim -> [claimed] -> preparers (download) -> [prepared] -> slots (provider) -> [done] -> writer

What is slow and free happens ahead of the slots, so that they wait for the provider alone; what was
paid for is written as soon as it is there. All state is in Postgres: a worker may die at any
moment, its claims expire, and others take over.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar, cast

import psycopg

from transcriber.errors import TranscriberError
from transcriber.failures import FileFailure, LostClaim, ProviderStoppedError
from transcriber.flight import Flight, Phase, jittered, now

if TYPE_CHECKING:
    from collections.abc import Awaitable, Collection, Iterator

    from transcriber.flight import Limits, Work
    from transcriber.jobs import Result
    from transcriber.progress import Progress
    from transcriber.queue import Queue

T = TypeVar("T")

# Results that are ready together are written together, and none waits for one that is not: a slow
# database makes large batches, a quick one small.
LARGEST_WRITE = 100
WRITERS = 2  # one writes while the other waits for the disk

# Files wait to be prepared, one for every second slot, and so many more are being prepared. Where
# half of them are used up within this time, a claim costs more than the work: the next one takes
# twice as many.
QUICK_SECONDS = 0.05
MOST_AHEAD = 2 * LARGEST_WRITE

# Few files are prepared at the same time, since they share a processor, and one that is ready is
# worth more to a slot than many that nearly are. And one more for every slot that waits: where it
# is the recordings' host that is slow, only their number helps.
FEW = 4

POLL_SECONDS = 1.0
SECONDS_TO_WRITE_AT_THE_END = 10.0


class Worker:
    """One process's share of the work."""

    def __init__(self, queue: Queue, work: Work, limits: Limits, progress: Progress) -> None:
        """Take what is opened and loaded already."""
        self._queue = queue
        self._work = work
        self._limits = limits
        self._progress = progress
        self._flights: dict[int, Flight] = {}
        self._claimed: asyncio.Queue[Flight] = asyncio.Queue()
        self._prepared: asyncio.Queue[Flight] = asyncio.Queue(maxsize=max(1, limits.slots // 2))
        self._turns = asyncio.Semaphore(FEW)
        self._turns_to_end = 0
        self._done: list[tuple[Flight, Result]] = []
        self._any_done = asyncio.Event()
        self._changed = asyncio.Event()  # a file went on, or a stop was asked for
        self._is_stopping = False
        self._stopped: ProviderStoppedError | None = None
        self._files_claimed = 0
        self._files_ahead = self._fewest_ahead = max(1, limits.slots // 2)
        self._claimed_at = -math.inf

    def stop(self) -> None:
        """Claim no more, and finish or release what is in flight."""
        self._is_stopping = True
        self._drop_all(Phase.AHEAD)  # at once, or a slot would take the next
        self._changed.set()

    def _stop_because(self, stopped: ProviderStoppedError) -> None:
        """Stop, and say why once what is in flight has ended: it may be paid for."""
        self._stopped = self._stopped or stopped
        self.stop()

    async def run(self) -> None:
        """Work until nothing is pending, or until it is stopped. No claim of ours stays behind."""
        slots = self._limits.slots
        try:
            async with asyncio.TaskGroup() as group:
                helpers = [
                    group.create_task(self._renew_claims()),
                    *(group.create_task(self._write_results()) for _ in range(WRITERS)),
                    group.create_task(self._hear_news()),
                    *(group.create_task(self._prepare_files()) for _ in range(-(-slots // 2))),
                    *(group.create_task(self._perform_files()) for _ in range(slots)),
                ]
                await self._claim_files()
                await self._finish()
                await _cancel(helpers)
                if self._stopped:
                    raise self._stopped
        except* TranscriberError as errors:
            raise errors.exceptions[0] from None
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SECONDS_TO_WRITE_AT_THE_END):
                    await self._write()
                    await self._queue.release()
            for flight in [*self._flights.values()]:
                self._forget(flight)

    # ---------- the two ends: claim, finish

    async def _claim_files(self) -> None:
        """Keep files ahead of the slots, until there are no more."""
        limits = self._limits
        ends_at = time.monotonic() + (limits.seconds or math.inf)
        while not self._is_stopping:
            if time.monotonic() > ends_at:
                self.stop()
                return
            room = self._room()
            if limits.files is not None:
                room = min(room, limits.files - self._files_claimed)
                if self._files_claimed == limits.files:
                    return
            if room == 0:
                await self._wait_for_change()
            elif not await self._claim(room):
                if not limits.watch:
                    return
                await self._wait_for_change()

    async def _hear_news(self) -> None:
        """Under --watch, queue new files and ended cooldowns, also while others are pending."""
        while self._limits.watch:
            await asyncio.sleep(jittered(POLL_SECONDS))
            await self._queue.enqueue_news()

    def _room(self) -> int:
        """Return how many files to claim: many at once, before the slots run dry."""
        if not self._is_room() or len(self._done) > 2 * LARGEST_WRITE:
            return 0  # or the database is the slower one
        # only here, where half was used up: whoever asks for more has more room at once
        was_quick = now() - self._claimed_at < QUICK_SECONDS
        wanted = 2 * self._files_ahead if was_quick else self._files_ahead // 2
        self._files_ahead = max(self._fewest_ahead, min(wanted, MOST_AHEAD))
        return self._files_ahead - self._claimed.qsize()

    def _is_room(self) -> bool:
        return 2 * self._claimed.qsize() <= self._files_ahead

    async def _claim(self, room: int) -> bool:
        """Claim files; tell whether any are pending."""
        asked_at, outages = now(), self._queue.outages
        claimed = await self._queue.claim(room)
        if claimed.jobs:
            self._claimed_at = now()
        if claimed.paused_because:
            self._stop_because(ProviderStoppedError(claimed.paused_because))
        for job in claimed.jobs:
            flight = self._flights.get(job.audio_file_id)
            if flight:  # its claim was deleted or had expired: go on under the new one
                flight.hold(job, asked_at + self._queue.claim_ttl)
            else:
                flight = Flight(job, asked_at + self._queue.claim_ttl)
                self._flights[job.audio_file_id] = flight
                self._claimed.put_nowait(flight)
                self._files_claimed += 1
        if self._queue.outages != outages:  # an answer may have been lost with its connection
            await self._queue.release(self._flights)
        if claimed.any_pending and not claimed.jobs:  # others were quicker
            await asyncio.sleep(random.uniform(0.005, 0.05))  # noqa: S311 (jitter)
        return claimed.any_pending

    async def _finish(self) -> None:
        """Wait for what is in flight; when stopping, for what is paid for, and not for long."""
        while self._flights and not self._is_stopping:
            await self._wait_for_change()
        if self._is_stopping:
            self._drop_all(Phase.AHEAD)
            self._progress.stopping(len(self._flights))
        ends_at = time.monotonic() + self._limits.grace
        while self._flights and time.monotonic() < ends_at:
            await self._wait_for_change()
        self._drop_all(Phase.IN_SLOT)

    async def _wait_for_change(self) -> None:
        """Wait until a file went on; not for ever, since others change the queue."""
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(jittered(POLL_SECONDS)):
                await self._changed.wait()

    # ---------- the claims held

    async def _renew_claims(self) -> None:
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

    async def _confirm(self, flight: Flight) -> None:
        """Make sure of a claim before paying: this process may have been frozen."""
        while not flight.is_dropped:
            if now() < flight.valid_until - self._queue.claim_ttl / 10:
                return
            await self._renew([flight])  # and look again: it may have been frozen meanwhile
        raise LostClaim

    def _drop_all(self, phase: Phase) -> None:
        for flight in [*self._flights.values()]:
            if flight.phase is phase:
                self._drop(flight)

    def _drop(self, flight: Flight) -> None:
        """End the work on a file; its claim is somebody else's, or is released at the end."""
        flight.is_dropped = True
        if flight.task and flight.task is not asyncio.current_task():
            flight.is_cancelled = flight.task.cancel()
        self._forget(flight)

    def _forget(self, flight: Flight) -> None:
        if self._flights.get(flight.job.audio_file_id) is flight:
            del self._flights[flight.job.audio_file_id]
        if flight.prepared is not None:
            flight.prepared.close()
        self._changed.set()

    # ---------- the steps

    async def _prepare_files(self) -> None:
        async with self._work.preparer() as prepare:
            while True:
                await self._turns.acquire()
                try:
                    flight = await self._claimed.get()
                    if self._is_room():
                        self._changed.set()
                    if flight.is_dropped:
                        continue
                    with self._attending(flight):
                        flight.prepared = await self._attempt(flight, prepare(flight.job))
                        if flight.prepared is not None:
                            await self._prepared.put(flight)
                finally:
                    if self._turns_to_end:
                        self._turns_to_end -= 1
                    else:
                        self._turns.release()

    async def _perform_files(self) -> None:
        async with self._work.performer() as perform:
            while True:
                flight = await self._next_prepared()
                if flight.is_dropped:
                    continue
                with self._attending(flight):
                    flight.phase = Phase.IN_SLOT
                    step = perform(flight.job, flight.prepared, partial(self._confirm, flight))
                    result = await self._attempt(flight, step)
                    if result is not None:
                        flight.phase = Phase.WRITING
                        self._done.append((flight, result))
                        self._any_done.set()

    async def _next_prepared(self) -> Flight:
        """Return a file for a slot. While it waits, there is one more turn to prepare files."""
        if not self._prepared.empty():
            return self._prepared.get_nowait()
        self._turns.release()
        try:
            return await self._prepared.get()
        finally:
            self._turns_to_end += 1

    @contextlib.contextmanager
    def _attending(self, flight: Flight) -> Iterator[None]:
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

    async def _attempt(self, flight: Flight, step: Awaitable[T]) -> T | None:
        """Do a step; whatever is wrong with the file is recorded and ends here, as None."""
        try:
            return await step
        except FileFailure as failure:
            await self._record(flight, failure)
        except LostClaim:
            pass  # dropped already
        except ProviderStoppedError as stopped:
            self._stop_because(stopped)
            await self._queue.pause_provider(str(stopped))
            self._forget(flight)
        except (TranscriberError, psycopg.Error):
            raise
        except Exception as error:  # noqa: BLE001 (one bad file never stops a batch)
            reason = f"unexpected {type(error).__name__}"
            await self._record(flight, FileFailure(reason, permanent=False))
        return None

    async def _record(self, flight: Flight, failure: FileFailure) -> None:
        flight.phase = Phase.WRITING
        status = await self._queue.fail(
            flight.job, failure, max_attempts=self._limits.max_attempts,
            cooldown=self._limits.cooldown,
        )  # fmt: skip
        self._forget(flight)
        if status is None:
            self._progress.lost(flight.job)
        else:
            self._progress.failed(flight.job, status, str(failure))

    async def _write_results(self) -> None:
        while True:
            await self._any_done.wait()
            self._any_done.clear()
            await self._write()

    async def _write(self) -> None:
        """Write what is done. What the database did not take stays in the list."""
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
                self._forget(flight)
                if is_written:
                    self._progress.completed(result)
                else:
                    self._progress.lost(flight.job)


async def _cancel(tasks: Collection[asyncio.Task[None]]) -> None:
    """End tasks. Python 3.11 may lose a cancellation that meets an answer, in `wait_for`."""
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=0.1)
