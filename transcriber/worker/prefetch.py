"""What a worker holds ahead of its slots, so that they wait for the provider alone.

claim -> [claimed] -> preparers -> [prepared] -> slots
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from transcriber.core.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from transcriber.core.clock import Clock
    from transcriber.worker.leases import Flight

# Where slots ask for a whole batch within this time, a claim costs more than the work on its
# files, and the next claim takes twice as many.
QUICK_SECONDS = 0.05
LARGEST_BATCH = 400

# Few files are prepared at the same time, because they share a processor, and one file that is
# ready is worth more to a slot than many that nearly are. A slot that finds none prepares a file
# itself: where the recordings' host is slow, only the number of downloads helps.
PREPARERS = 4


class Prefetch:
    """The files on their way to the slots."""

    def __init__(self, slots: int, clock: Clock = SYSTEM_CLOCK) -> None:
        """Claim at least one file for every fourth slot."""
        self.preparers = min(PREPARERS, slots)
        self._smallest_batch = -(-slots // 4)
        self._batch = self._smallest_batch
        self._clock = clock
        self._claimed_at = -math.inf
        self._claimed: asyncio.Queue[Flight] = asyncio.Queue()
        self._prepared: asyncio.Queue[Flight] = asyncio.Queue(-(-slots // 2))
        self._arrived = asyncio.Event()
        self._asked_for = 0

    @property
    def is_low(self) -> bool:
        """Whether there is room for a batch: up to two lie ahead, and slots use up one of them."""
        return self._claimed.qsize() <= self._batch

    def next_batch(self) -> int:
        """Decide how many files to claim now; 0 while enough are there.

        The size of a batch changes only here, when one is used up.
        """
        if not self.is_low:
            return 0
        is_quick = self._clock.now() - self._claimed_at < QUICK_SECONDS
        if self._asked_for >= self._batch or not is_quick:
            wanted = 2 * self._batch if is_quick else self._batch // 2
            self._batch = max(self._smallest_batch, min(wanted, LARGEST_BATCH))
            self._asked_for = 0
        return self._batch

    def add_claimed(self, flight: Flight) -> None:
        """Take a claimed file."""
        self._claimed_at = self._clock.now()
        self._claimed.put_nowait(flight)
        self._arrived.set()

    async def next_claimed(self) -> Flight:
        """Return a file for a preparer."""
        return await self._claimed.get()

    async def add_prepared(self, flight: Flight) -> None:
        """Take a prepared file, when there is room for it."""
        await self._prepared.put(flight)
        self._arrived.set()

    async def next_for_slot(self) -> Flight:
        """Return a prepared file, else a claimed one that the slot prepares itself."""
        self._asked_for += 1
        while True:
            for files in (self._prepared, self._claimed):
                if not files.empty():
                    return files.get_nowait()
            self._arrived.clear()
            await self._arrived.wait()
