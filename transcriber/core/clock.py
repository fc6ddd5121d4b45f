"""The clock by which workers measure leases, pauses and limits; tests move one of their own."""

from __future__ import annotations

import asyncio
import random
import time

# CLOCK_BOOTTIME goes on while a laptop sleeps, so a worker notices a lease that ended meanwhile.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock:
    """A clock whose zero means nothing: only the differences between its times count."""

    def now(self) -> float:
        """Return seconds that go on while the process, or the machine, sleeps."""
        return time.clock_gettime(_CLOCK)

    async def sleep(self, seconds: float) -> None:
        """Let other tasks run until this many seconds have passed."""
        await asyncio.sleep(seconds)


SYSTEM_CLOCK = Clock()


def jittered(seconds: float) -> float:
    """Return about that many seconds, so that workers do not act in step."""
    return seconds * random.uniform(0.8, 1.2)  # noqa: S311
