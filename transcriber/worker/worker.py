"""The worker: claim -> prepare -> transcribe -> write back.

    claim -> [claimed] -> preparers (download) -> [prepared] -> slots (provider) -> [done] -> writer

What is slow and free happens ahead of the slots, so that they wait for the provider alone; what was
paid for is written as soon as it is there. All state is in PostgreSQL: a worker may die at any
moment, its claims expire, and others take over.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import anyio

from transcriber.core.errors import TranscriberError
from transcriber.worker.attempts import Attempts
from transcriber.worker.failures import Failures
from transcriber.worker.intake import Intake
from transcriber.worker.leases import Leases, Phase
from transcriber.worker.outcome import Stopping
from transcriber.worker.prefetch import Prefetch
from transcriber.worker.services import Services
from transcriber.worker.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from transcriber.core.verdicts import ProviderStoppedError
    from transcriber.queue.claims import Claims
    from transcriber.queue.jobs import RetryPolicy
    from transcriber.queue.outages import Outages
    from transcriber.queue.upkeep import Upkeep
    from transcriber.worker.leases import Flight
    from transcriber.worker.options import RunLimits
    from transcriber.worker.outcome import Listener
    from transcriber.worker.steps import Transcribe, Work

WRITERS = 2  # One writes while the other waits for the disk.
SECONDS_TO_WRITE_AT_THE_END = 10.0


class Worker:
    """One process's share of the work."""

    def __init__(
        self,
        claims: Claims,
        upkeep: Upkeep,
        outages: Outages,
        work: Work,
        *,
        slots: int,
        limits: RunLimits,
        retry_policy: RetryPolicy,
        listener: Listener,
    ) -> None:
        """Take what is opened and loaded already."""
        self._claims = claims
        self._upkeep = upkeep
        self._work = work
        self._slots = slots
        self._limits = limits
        self._listener = listener
        self._leases = Leases(claims, listener)
        self._prefetch = Prefetch(slots)
        failures = Failures(claims, self._leases, retry_policy, listener)
        self._services = Services(outages, self._leases, failures, listener)
        self._attempts = Attempts(
            claims, self._leases, self._services, failures, self._stop_because
        )
        self._writer = Writer(claims, self._leases, failures, listener)
        self._intake = Intake(
            claims, upkeep, limits,
            leases=self._leases, prefetch=self._prefetch, services=self._services,
            stop=self.stop, stop_because=self._stop_because,
        )  # fmt: skip
        self._stopped: ProviderStoppedError | None = None

    def stop(self) -> None:
        """Claim no more, and finish or release what is in flight."""
        self._intake.is_stopping = True
        self._leases.drop_all(Phase.AHEAD)  # Now, because a slot would take the next file.
        self._leases.changed.set()

    def _stop_because(self, stopped: ProviderStoppedError) -> None:
        """Stop, and say why once what is in flight has ended, because it may be paid for."""
        self._stopped = self._stopped or stopped
        self.stop()

    async def run(self) -> None:
        """Work until nothing is pending, or until it is stopped. No claim of ours stays behind."""
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._leases.keep_renewing)
                if self._limits.watch:
                    group.start_soon(self._upkeep.keep_enqueuing)
                for _ in range(WRITERS):
                    group.start_soon(self._writer.keep_writing)
                for _ in range(self._prefetch.preparers):
                    group.start_soon(self._prepare_files)
                for _ in range(self._slots):
                    group.start_soon(self._transcribe_files)
                await self._intake.claim_files(lambda: self._writer.is_behind)
                await self._finish()
                group.cancel_scope.cancel()
        except* TranscriberError as errors:
            raise errors.exceptions[0] from None
        finally:
            # A native time-out, because anyio's would wait for a statement that never ends.
            with suppress(TimeoutError):
                async with asyncio.timeout(SECONDS_TO_WRITE_AT_THE_END):
                    try:
                        await self._writer.write()
                    finally:
                        await self._claims.release()
            self._leases.forget_all()
        if self._stopped:
            raise self._stopped

    async def _finish(self) -> None:
        """Wait for what is in flight; when stopping, for what is paid for, and not for long."""
        while self._leases.are_in_work and not self._intake.is_stopping:
            await self._leases.wait_for_change()
        if not self._intake.is_stopping:
            await self._services.settle()
            self._services.refuse_options()
            return
        self._leases.drop_all(Phase.AHEAD)
        self._leases.drop_all(Phase.HELD)
        self._listener(Stopping(len(self._leases)))
        ends_at = self._leases.now() + self._limits.grace
        while self._leases and self._leases.now() < ends_at:
            await self._leases.wait_for_change()
        self._leases.drop_all(Phase.IN_SLOT)

    async def _next(self, take: Callable[[], Awaitable[Flight]]) -> Flight:
        """Return the next file that is still ours; ask for a claim when few are left."""
        while True:
            flight = await take()
            if self._prefetch.is_low:
                self._leases.changed.set()
            if not flight.is_dropped:
                return flight

    async def _prepare_files(self) -> None:
        async with self._work.preparer() as prepare:
            while True:
                flight = await self._next(self._prefetch.next_claimed)
                with self._leases.working_on(flight):
                    await self._attempts.prepare(flight, prepare(flight.job))
                    if flight.prepared is not None:
                        await self._prefetch.add_prepared(flight)

    async def _transcribe_files(self) -> None:
        async with self._work.preparer() as prepare, self._work.transcriber() as transcribe:
            while True:
                flight = await self._next(self._prefetch.next_for_slot)
                with self._leases.working_on(flight):
                    if flight.prepared is None:
                        await self._attempts.prepare(flight, prepare(flight.job))
                    if flight.prepared is not None:
                        await self._transcribe(flight, transcribe)

    async def _transcribe(self, flight: Flight, transcribe: Transcribe) -> None:
        flight.phase = Phase.IN_SLOT
        confirm = partial(self._leases.confirm, flight)
        step = transcribe(flight.job, flight.prepared, confirm)
        completion = await self._attempts.transcribe(flight, step)
        if completion is not None:
            flight.phase = Phase.WRITING
            self._writer.add(flight, completion)
            await self._services.succeeded(self._services.provider)
