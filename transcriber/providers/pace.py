"""How fast a provider is asked: as fast as it lets us, found out without many refusals.

Until the provider refuses, only the number of requests at the same time is limited (it doubles
with every round trip from a low start), and their distance, to what one process can do. The first
"too many requests" (429) shows what the provider takes: from then on requests are spaced evenly,
at a little less than it accepted, and a little faster with every second that goes well.
x-ratelimit headers, where they are sent, are obeyed before it has to refuse.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from transcriber.core.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from transcriber.core.clock import Clock
    from transcriber.core.http import RateLimit

START_SHARE = 0.25  # of the slots
LOWEST_START = 8.0  # requests at the same time
BACK_OFF = 0.95
GROWTH_PER_SECOND = 0.008  # of the rate
LOWEST_RATE = 0.05  # requests a second

# One request keeps one processor busy for about this long. Without a distance, 64 requests that
# were answered together would be sent and answered together again: all slots would wait for the
# processor at the same time, and then all of them for the provider.
SHORTEST_DISTANCE = 0.006

# The requests that were accepted within this time tell what the provider takes.
HORIZON_SECONDS = 3.0

# Refusals of requests that were on their way at the same time are one sign, not many.
SETTLE_SECONDS = 1.0


class Pace:
    """One worker's share of a provider's patience, for all its slots."""

    def __init__(self, slots: int, clock: Clock = SYSTEM_CLOCK) -> None:
        """Allow that many requests at the same time in the end."""
        self._slots = slots
        self._clock = clock
        self._window = min(slots, max(LOWEST_START, slots * START_SHARE))
        self._active = 0
        self._rate: float | None = None
        self._next_start = 0.0
        self._resume_at = 0.0  # Requests that wait for their start wait until then, too.
        self._last_cut = -math.inf
        self._accepted: deque[float] = deque()
        self._refused_since: float | None = None
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def request(self) -> AsyncIterator[None]:
        """Wait for a turn, and take it until the block ends."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._active < int(self._window))
            self._active += 1
        try:
            await self._wait_for_start()
            yield
        finally:
            async with self._changed:
                self._active -= 1
                # All of them: on Python 3.11 a waiter that is cancelled when it was just woken
                # does not wake another in its place.
                self._changed.notify_all()

    async def _wait_for_start(self) -> None:
        while True:
            now = self._clock.now()
            start = max(now, self._next_start)
            distance = 1 / self._rate if self._rate else 0.0
            self._next_start = start + max(distance, SHORTEST_DISTANCE)
            if start > now:
                await self._clock.sleep(start - now)
            if start >= self._resume_at:
                return

    def _pause(self, seconds: float) -> None:
        self._resume_at = max(self._resume_at, self._clock.now() + seconds)
        self._next_start = max(self._next_start, self._resume_at)

    @property
    def seconds_without_success(self) -> float:
        """Return for how long the provider has refused every request."""
        return 0.0 if self._refused_since is None else self._clock.now() - self._refused_since

    def accepted(self, rate_limit: RateLimit | None = None) -> None:
        """Hear that a request was accepted, and what the provider says is left."""
        now = self._clock.now()
        self._refused_since = None
        self._window = min(self._slots, self._window + 1)
        if self._rate is not None and self._accepted:
            self._rate *= 1 + GROWTH_PER_SECOND * min(1.0, now - self._accepted[-1])
        self._accepted.append(now)
        while self._accepted[0] < now - HORIZON_SECONDS:
            self._accepted.popleft()
        if rate_limit and rate_limit.remaining_requests == 0:
            self._pause(rate_limit.reset_seconds)

    def throttled(self) -> None:
        """Hear a "too many requests"."""
        now = self._clock.now()
        if self._refused_since is None:
            self._refused_since = now
        if now - self._last_cut < SETTLE_SECONDS:
            return
        self._last_cut = now
        recent = [moment for moment in self._accepted if moment > now - HORIZON_SECONDS]
        if len(recent) > 1:
            observed = len(recent) / max(now - recent[0], SHORTEST_DISTANCE)
        else:
            observed = self._rate or 1.0
        if self._rate is not None:
            observed = min(observed, self._rate)
        self._rate = max(LOWEST_RATE, BACK_OFF * observed)
        self._pause(1 / self._rate)
