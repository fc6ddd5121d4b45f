"""A clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio
import math

from transcriber.core.clock import Clock

# After so many steps of the event loop, everything has happened that one moment sets off.
TURNS = 50


class MovableClock(Clock):
    """A clock that the test moves, and that wakes the tasks that sleep until then."""

    def __init__(self) -> None:
        """Begin at some moment that is not 0."""
        self._now = 1000.0
        self._sleepers: list[tuple[float, asyncio.Event]] = []

    def now(self) -> float:
        """Return the seconds to which the test moved the clock."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock is moved that far, and let other tasks go on at least once."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.Event()
        self._sleepers.append((self._now + seconds, woken))
        await woken.wait()

    async def move(self, seconds: float) -> None:
        """Let time pass, and wake the sleeping tasks in the order of their moments."""
        await settle()
        ends_at = self._now + seconds
        while True:
            moment, woken = min(self._sleepers, key=lambda each: each[0], default=(math.inf, None))
            if woken is None or moment > ends_at:
                break
            self._sleepers.remove((moment, woken))
            self._now = max(self._now, moment)
            woken.set()
            await settle()
        self._now = ends_at
        await settle()


async def settle() -> None:
    """Let the other tasks go on until each of them waits."""
    for _ in range(TURNS):
        await asyncio.sleep(0)
