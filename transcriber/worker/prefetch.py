"""What a worker holds ahead of its slots, so that they wait for the provider alone.

claim -> [claimed] -> preparers -> [prepared] -> slots
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from transcriber.worker.flight import now

if TYPE_CHECKING:
    from transcriber.worker.flight import Flight

# Files wait to be prepared, one for every second slot. Where half of them are used up within this
# time, a claim costs more than the work: the next one takes twice as many.
QUICK_SECONDS = 0.05
MOST_CLAIMED = 800

# Few files are prepared at the same time, since they share a processor, and one that is ready is
# worth more to a slot than many that nearly are. And one more for every slot that waits: where it
# is the recordings' host that is slow, only their number helps.
FEW = 4


class Ahead:
    """The files on their way to the slots."""

    def __init__(self, slots: int) -> None:
        """Prepare one file ahead for every second slot."""
        self.preparers = -(-slots // 2)
        self._claimed: asyncio.Queue[Flight] = asyncio.Queue()
        self._prepared: asyncio.Queue[Flight] = asyncio.Queue(self.preparers)
        self._turns = asyncio.Semaphore(FEW)
        self._turns_to_end = 0
        self._wanted = self.preparers
        self._claimed_at = -math.inf

    def room(self) -> int:
        """Return how many files to claim: many at once, before the slots run dry."""
        if not self.is_room:
            return 0
        # only here, where half was used up: whoever asks for more has more room at once
        was_quick = now() - self._claimed_at < QUICK_SECONDS
        wanted = 2 * self._wanted if was_quick else self._wanted // 2
        self._wanted = max(self.preparers, min(wanted, MOST_CLAIMED))
        return self._wanted - self._claimed.qsize()

    @property
    def is_room(self) -> bool:
        """Whether half of what was claimed is used up."""
        return 2 * self._claimed.qsize() <= self._wanted

    def add_claimed(self, flight: Flight) -> None:
        """Take a claimed file."""
        self._claimed_at = now()
        self._claimed.put_nowait(flight)

    async def next_claimed(self) -> Flight:
        """Return a file for a preparer."""
        return await self._claimed.get()

    async def add_prepared(self, flight: Flight) -> None:
        """Take a prepared file, when there is room for it."""
        await self._prepared.put(flight)

    async def next_prepared(self) -> Flight:
        """Return a file for a slot. While it waits, there is one more turn to prepare files."""
        if not self._prepared.empty():
            return self._prepared.get_nowait()
        self._turns.release()
        try:
            return await self._prepared.get()
        finally:
            self._turns_to_end += 1

    async def take_turn(self) -> None:
        """Wait for a preparer's turn."""
        await self._turns.acquire()

    def end_turn(self) -> None:
        """Let another preparer go on, unless a slot that waited has its file now."""
        if self._turns_to_end:
            self._turns_to_end -= 1
        else:
            self._turns.release()
