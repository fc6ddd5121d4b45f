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
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import psycopg

from transcriber.core.errors import TranscriberError
from transcriber.core.verdicts import FileFailure, LostClaim, ProviderStoppedError
from transcriber.worker.flight import Phase, jittered, now
from transcriber.worker.leases import Leases
from transcriber.worker.prefetch import Ahead
from transcriber.worker.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Collection

    from transcriber.queue.claims import Queue
    from transcriber.worker.flight import Flight, Limits, Work
    from transcriber.worker.outcome import Progress

T = TypeVar("T")

WRITERS = 2  # one writes while the other waits for the disk
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
        self._leases = Leases(queue, progress)
        self._ahead = Ahead(limits.slots)
        self._writer = Writer(queue, self._leases, progress)
        self._changed = self._leases.changed  # and where a file went on, or a stop was asked for
        self._is_stopping = False
        self._stopped: ProviderStoppedError | None = None
        self._files_claimed = 0

    def stop(self) -> None:
        """Claim no more, and finish or release what is in flight."""
        self._is_stopping = True
        self._leases.drop_all(Phase.AHEAD)  # at once, or a slot would take the next
        self._changed.set()

    def _stop_because(self, stopped: ProviderStoppedError) -> None:
        """Stop, and say why once what is in flight has ended: it may be paid for."""
        self._stopped = self._stopped or stopped
        self.stop()

    async def run(self) -> None:
        """Work until nothing is pending, or until it is stopped. No claim of ours stays behind."""
        try:
            async with asyncio.TaskGroup() as group:
                helpers = [
                    group.create_task(self._leases.keep_renewing()),
                    *(group.create_task(self._writer.keep_writing()) for _ in range(WRITERS)),
                    group.create_task(self._hear_news()),
                    *(
                        group.create_task(self._prepare_files())
                        for _ in range(self._ahead.preparers)
                    ),
                    *(group.create_task(self._perform_files()) for _ in range(self._limits.slots)),
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
                    await self._writer.write()
                    await self._queue.release()
            self._leases.forget_all()

    # ---------- the two ends: claim, finish

    async def _claim_files(self) -> None:
        """Keep files ahead of the slots, until there are no more."""
        limits = self._limits
        ends_at = time.monotonic() + (limits.seconds or math.inf)
        while not self._is_stopping:
            if time.monotonic() > ends_at:
                self.stop()
                return
            room = 0 if self._writer.is_behind else self._ahead.room()
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

    async def _claim(self, room: int) -> bool:
        """Claim files; tell whether any are pending."""
        asked_at, outages = now(), self._queue.outages
        claimed = await self._queue.claim(room)
        if claimed.paused_because:
            self._stop_because(ProviderStoppedError(claimed.paused_because))
        for flight in self._leases.take(claimed.jobs, asked_at):
            self._ahead.add_claimed(flight)
            self._files_claimed += 1
        if self._queue.outages != outages:  # an answer may have been lost with its connection
            await self._queue.release(self._leases)
        if claimed.any_pending and not claimed.jobs:  # others were quicker
            await asyncio.sleep(random.uniform(0.005, 0.05))  # noqa: S311 (jitter)
        return claimed.any_pending

    async def _finish(self) -> None:
        """Wait for what is in flight; when stopping, for what is paid for, and not for long."""
        while self._leases and not self._is_stopping:
            await self._wait_for_change()
        if self._is_stopping:
            self._leases.drop_all(Phase.AHEAD)
            self._progress.stopping(len(self._leases))
        ends_at = time.monotonic() + self._limits.grace
        while self._leases and time.monotonic() < ends_at:
            await self._wait_for_change()
        self._leases.drop_all(Phase.IN_SLOT)

    async def _wait_for_change(self) -> None:
        """Wait until a file went on; not for ever, since others change the queue."""
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(jittered(POLL_SECONDS)):
                await self._changed.wait()

    # ---------- the steps

    async def _prepare_files(self) -> None:
        async with self._work.preparer() as prepare:
            while True:
                await self._ahead.take_turn()
                try:
                    flight = await self._ahead.next_claimed()
                    if self._ahead.is_room:
                        self._changed.set()
                    if flight.is_dropped:
                        continue
                    with self._leases.working_on(flight):
                        flight.prepared = await self._attempt(flight, prepare(flight.job))
                        if flight.prepared is not None:
                            await self._ahead.add_prepared(flight)
                finally:
                    self._ahead.end_turn()

    async def _perform_files(self) -> None:
        async with self._work.performer() as perform:
            while True:
                flight = await self._ahead.next_prepared()
                if flight.is_dropped:
                    continue
                with self._leases.working_on(flight):
                    flight.phase = Phase.IN_SLOT
                    confirm = partial(self._leases.confirm, flight)
                    step = perform(flight.job, flight.prepared, confirm)
                    result = await self._attempt(flight, step)
                    if result is not None:
                        flight.phase = Phase.WRITING
                        self._writer.add(flight, result)

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
            self._leases.forget(flight)
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
        self._leases.forget(flight)
        if status is None:
            self._progress.lost(flight.job)
        else:
            self._progress.failed(flight.job, status, str(failure))


async def _cancel(tasks: Collection[asyncio.Task[None]]) -> None:
    """End tasks. Python 3.11 may lose a cancellation that meets an answer, in `wait_for`."""
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=1)
