"""Claim files, so that some always lie ahead of the slots, and wait where a service is away."""

from __future__ import annotations

import asyncio
import math
import random
import sys
from functools import partial
from typing import TYPE_CHECKING

from transcriber.core.errors import TranscriberError
from transcriber.core.verdicts import ProviderStoppedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from transcriber.queue.claims import Claims
    from transcriber.queue.jobs import Claimed, Probe, ServiceOutage
    from transcriber.queue.upkeep import Upkeep
    from transcriber.worker.leases import Leases
    from transcriber.worker.options import RunLimits
    from transcriber.worker.prefetch import Prefetch
    from transcriber.worker.services import Services


# While files wait for a service, the next claim comes after so many times what the last one took,
# but at the latest after so many seconds.
WAIT_PER_CLAIM, LONGEST_WAIT_SECONDS = 20, 30.0


class ServiceAwayError(TranscriberError):
    """All files that are left need a service that is away."""

    exit_code = 4


class Intake:
    """What a worker claims, and when it ends."""

    def __init__(
        self,
        claims: Claims,
        upkeep: Upkeep,
        limits: RunLimits,
        *,
        leases: Leases,
        prefetch: Prefetch,
        services: Services,
        stop: Callable[[], None],
        stop_because: Callable[[ProviderStoppedError], None],
    ) -> None:
        """Take the queue and where claimed files go."""
        self._claims = claims
        self._upkeep = upkeep
        self._leases = leases
        self._prefetch = prefetch
        self._services = services
        self._limits = limits
        self._stop = stop
        self._stop_because = stop_because
        self._files_claimed = 0
        self._waits_since: float | None = None
        self.is_stopping = False

    async def claim_files(self, is_behind: Callable[[], bool]) -> None:
        """Keep files ahead of the slots until there are no more; none while a writer is behind."""
        ends_at = self._leases.now() + (self._limits.seconds or math.inf)
        while not self.is_stopping:
            if self._leases.now() > ends_at:
                self._stop()
                return
            await self._release_what_was_let_go()
            batch = 0 if is_behind() else min(self._prefetch.next_batch(), self._room)
            if batch and await self._claim(batch):
                continue
            if not self._room or (batch and not self._limits.watch):
                if await self._rest_ends():
                    return
                continue
            if batch and not self._leases.are_in_work:
                await self._services.settle()
            await self._leases.wait_for_change()

    @property
    def _room(self) -> int:
        """Return how many files may still be claimed."""
        return (self._limits.files or sys.maxsize) - self._files_claimed

    async def _rest_ends(self) -> bool:
        """Wait for the files in work; tell whether none of them is pending again."""
        while self._leases.are_in_work and not self.is_stopping:
            if self._services.let_go:
                return False
            await self._leases.wait_for_change()
        return not self._services.let_go

    async def _release_what_was_let_go(self) -> None:
        # Here no claim is on its way, so that every claim whose file is not held may go.
        if self._services.let_go:
            self._files_claimed -= self._services.let_go
            self._services.let_go = 0
            await self._claims.release(self._leases)

    async def _claim(self, batch: int) -> bool:
        """Claim files; tell whether any are pending."""
        asked_at = self._leases.now()
        claimed = await self._take(batch)
        if claimed.paused_because:
            self._stop_because(ProviderStoppedError(claimed.paused_because))
            return True
        if any(outage.is_due for outage in claimed.outages):
            await self._probe()
        if claimed.jobs:
            self._waits_since = None
        elif claimed.outages:
            return await self._wait_for(claimed.outages, self._leases.now() - asked_at)
        elif claimed.any_pending:  # Others were quicker.
            await asyncio.sleep(random.uniform(0.005, 0.05))  # noqa: S311 (jitter)
        return claimed.any_pending

    async def _probe(self) -> bool:
        """Claim a file to look whether a service is back, if it is this worker's turn."""
        probe = await self._services.take_probe() if self._room > 0 else None
        return probe is not None and bool((await self._take(1, probe)).jobs)

    async def _take(self, batch: int, probe: Probe | None = None) -> Claimed:
        """Claim files and hand them on."""
        asked_at, outages = self._leases.now(), self._claims.outages
        claim = partial(self._claims.claim, probe=probe)
        claimed = await self._upkeep.in_turn(claim, batch, is_idle=not self._leases)
        self._services.learn(claimed.outages)
        flights = [*self._leases.take(claimed.jobs, asked_at)]
        for flight in flights:
            self._prefetch.add_claimed(flight)
        self._files_claimed += len(flights)
        if probe:
            self._services.probe_with(probe, flights)
        if self._claims.outages != outages:
            # An answer may have been lost with its connection, and files with it.
            await self._claims.release(self._leases)
        return claimed

    async def _wait_for(self, outages: Sequence[ServiceOutage], claim_seconds: float) -> bool:
        """Wait where files wait for a service; tell whether any do.

        A claim that finds none has looked at every file, so it is not repeated at once.
        """
        waiting = (await self._upkeep.count_pending(self._claims.selection)).files
        if not waiting:
            return False
        now, away = self._leases.now(), self._services.away
        self._waits_since = self._waits_since or now
        look_at = now + min(max(1.0, WAIT_PER_CLAIM * claim_seconds), LONGEST_WAIT_SECONDS)
        while now < look_at and away == self._services.away and not self.is_stopping:
            if self._services.let_go:
                break
            is_over = now - self._waits_since >= self._limits.patience
            if is_over and not self._limits.watch and not self._leases.are_in_work:
                await self._services.settle()
                raise ServiceAwayError(_why(waiting, outages))
            await self._leases.wait_for_change()
            if await self._probe():
                break
            now = self._leases.now()
        return True


def _why(waiting: int, outages: Sequence[ServiceOutage]) -> str:
    away = "; ".join(
        f"{outage.service} is away since {outage.since.astimezone():%Y-%m-%d %H:%M}"
        f" ({outage.reason})"
        for outage in outages
    )
    return (
        f"Stopped: {away}. {waiting} files wait for it, and nothing was counted against them: run"
        " again later, or give --patience more seconds."
    )
