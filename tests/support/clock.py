"""A clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio
import math

from transcriber.core.clock import Clock

# The steps of the event loop in which everything that a moment sets off has happened.
TURNS = 50


class MovableClock(Clock):
    """Tells the seconds that the test says; whoever sleeps is woken by `move`."""

    def __init__(self) -> None:
        """Begin at some moment that is not 0."""
        self._now = 1000.0
        self._sleepers: list[tuple[float, asyncio.Event]] = []

    def now(self) -> float:
        """Return the seconds that the test says."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock is moved so far; asyncio's sleep lets others go on at least once."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.Event()
        self._sleepers.append((self._now + seconds, woken))
        await woken.wait()

    async def move(self, seconds: float) -> None:
        """Let time pass, sleeper by sleeper in the order of their moments."""
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
    """Let the other tasks go on until each waits for something."""
    for _ in range(TURNS):
        await asyncio.sleep(0)
