"""The files that a worker holds, and its claims on them.

A claim is prolonged while its file is worked on, and confirmed before anything is paid. Where it
is lost nevertheless, the work on its file ends at once.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

import anyio

from transcriber.core.clock import SYSTEM_CLOCK, jittered
from transcriber.core.verdicts import LostClaim
from transcriber.worker.outcome import Lost

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from transcriber.core.clock import Clock
    from transcriber.queue.claims import Claims
    from transcriber.queue.jobs import Job
    from transcriber.worker.outcome import Listener

LONGEST_WAIT_SECONDS = 1.0
RENEWALS_PER_LEASE = 3
# Before a paid call, a claim is confirmed when less than this share of its life is left.
SHARE_TO_CONFIRM = 0.1


class Phase(Enum):
    """How far a file is."""

    AHEAD = auto()  # It is claimed, perhaps prepared; nothing was paid.
    IN_SLOT = auto()
    HELD = auto()  # It failed, and nobody knows yet whether that is its own fault.
    WRITING = auto()


@dataclass(eq=False)
class Flight:
    """A job on its way through this worker; `prepared` has a method `close`."""

    job: Job
    valid_until: float
    phase: Phase = Phase.AHEAD
    prepared: Any = None
    scope: anyio.CancelScope | None = None
    is_dropped: bool = False
    is_gone: bool = False  # Its URL is not in the queue, at least for now.

    def hold(self, job: Job, valid_until: float) -> None:
        """Go on under another claim, or under the same one for longer."""
        self.job, self.valid_until = job, valid_until


class Leases:
    """The flights of one worker."""

    def __init__(self, claims: Claims, listener: Listener, clock: Clock = SYSTEM_CLOCK) -> None:
        """Hold nothing yet."""
        self._claims = claims
        self._listener = listener
        self._clock = clock
        self._flights: dict[str, Flight] = {}  # by url_sha1, because ids may be given again
        # Set whenever a file moves on, a file is let go, or a stop is requested.
        self.changed = asyncio.Event()

    def __len__(self) -> int:
        """Return how many files are held."""
        return len(self._flights)

    def __contains__(self, flight: Flight) -> bool:
        """Tell whether a file is still held."""
        return self._flights.get(flight.job.url_sha1) is flight

    def __iter__(self) -> Iterator[int]:
        """Return the ids of the files held."""
        return (flight.job.audio_file_id for flight in self._flights.values())

    @property
    def are_in_work(self) -> bool:
        """Whether anything is still done with a file."""
        return any(flight.phase is not Phase.HELD for flight in self._flights.values())

    def now(self) -> float:
        """Return the time by the clock that leases are measured with."""
        return self._clock.now()

    async def wait_for_change(self) -> None:
        """Wait until a file moves on, but not for long, because others change the queue, too."""
        self.changed.clear()
        with anyio.move_on_after(jittered(LONGEST_WAIT_SECONDS)):
            await self.changed.wait()

    def take(self, jobs: Iterable[Job], asked_at: float) -> Iterator[Flight]:
        """Hold the files of these jobs; yield those that were not held already."""
        valid_until = asked_at + self._claims.claim_ttl
        for job in jobs:
            flight = self._flights.get(job.url_sha1)
            if flight and flight.job.url == job.url:
                # Its claim was deleted or had expired: the work goes on under the new one.
                flight.hold(job, valid_until)
                continue
            if flight and flight.phase is not Phase.WRITING:
                self._lose(flight)  # Somebody changed the URL and left its hash.
            flight = self._flights[job.url_sha1] = Flight(job, valid_until)
            yield flight

    async def keep_renewing(self) -> None:
        """Prolong every claim at a third of its life."""
        while True:
            await self._clock.sleep(self._claims.claim_ttl / RENEWALS_PER_LEASE)
            if self._flights:
                await self._renew([*self._flights.values()])

    async def _renew(self, flights: list[Flight]) -> None:
        """Prolong claims, and drop the files that are no longer ours."""
        asked_at, asked = self.now(), {flight: flight.job for flight in flights}
        renewed = await self._claims.renew([*asked.values()])
        for flight, job in asked.items():
            if flight.job != job:
                continue  # It was claimed anew meanwhile.
            flight.is_gone = job.url_sha1 in renewed.gone
            if job.url_sha1 in renewed.kept:
                flight.hold(renewed.kept[job.url_sha1], asked_at + self._claims.claim_ttl)
            elif flight.phase is Phase.IN_SLOT and flight.is_gone:
                pass  # It may be paid for already, and the catalogue may get the file back.
            elif flight.phase is not Phase.WRITING and not flight.is_dropped:
                self._lose(flight)

    async def confirm(self, flight: Flight) -> None:
        """Make sure of a claim before paying, because this process may have been frozen."""
        while not flight.is_dropped:
            if self.now() < flight.valid_until - SHARE_TO_CONFIRM * self._claims.claim_ttl:
                return
            # Then look again, because the process may have been frozen during the renewal, too.
            await self._renew([flight])
            if flight.is_gone:
                self._lose(flight)
        raise LostClaim

    @contextlib.contextmanager
    def working_on(self, flight: Flight) -> Iterator[None]:
        """Let a dropped file end this block, but not the task that runs it."""
        with anyio.CancelScope() as flight.scope:
            yield
        flight.scope = None

    def drop_all(self, phase: Phase) -> None:
        """End the work on all files in a phase; their claims are released at the end."""
        for flight in [*self._flights.values()]:
            if flight.phase is phase:
                self._drop(flight)

    def drop_ahead(self, host: str | None) -> int:
        """End the work on the files of a host (of all, if None) that lie ahead; return how many."""
        ahead = [
            flight
            for flight in self._flights.values()
            if flight.phase is Phase.AHEAD and host in {None, flight.job.host}
        ]
        for flight in ahead:
            self._drop(flight)
        return len(ahead)

    def hold_back(self, flight: Flight) -> None:
        """Keep the claim of a file that failed, but not its sound."""
        flight.phase = Phase.HELD
        if flight.prepared is not None:
            flight.prepared.close()
            flight.prepared = None
        self.changed.set()

    def _lose(self, flight: Flight) -> None:
        if flight.is_dropped:
            return
        self._drop(flight)
        self._listener(Lost(flight.job.audio_file_id))

    def _drop(self, flight: Flight) -> None:
        flight.is_dropped = True
        if flight.scope:
            flight.scope.cancel()
        self.forget(flight)

    def forget(self, flight: Flight) -> None:
        """Let a file go: it is done, or no longer ours."""
        if self._flights.get(flight.job.url_sha1) is flight:
            del self._flights[flight.job.url_sha1]
        if flight.prepared is not None:
            flight.prepared.close()
        self.changed.set()

    def forget_all(self) -> None:
        """Let every file go."""
        for flight in [*self._flights.values()]:
            self.forget(flight)
