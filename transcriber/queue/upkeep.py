"""Keep the queue true: it follows the catalogue, ended cooldowns, and what people do by hand."""

from __future__ import annotations

import asyncio
import contextlib
import math
from typing import TYPE_CHECKING

from transcriber.core.clock import SYSTEM_CLOCK, jittered
from transcriber.core.errors import TranscriberError
from transcriber.queue.jobs import Pending

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from transcriber.core.clock import Clock
    from transcriber.queue.jobs import Claimed, Selection
    from transcriber.queue.statement import Statements

NEWS_SECONDS = 1.0
RECONCILE_SECONDS = 30.0
LOOK_BACK_IDS = 1_000

# PostgreSQL knows nothing of the queue's expressions until the table is analysed.
FILES_WORTH_AN_ANALYSE = 1_000

MOST_CAMPAIGNS = 20


class UnknownCampaignError(TranscriberError):
    """The catalogue has no file of the campaign."""


class Upkeep:
    """Puts into the queue what belongs there, and counts it."""

    def __init__(self, statements: Statements, clock: Clock = SYSTEM_CLOCK) -> None:
        """Take what runs the statements, and the clock that says when to look at everything."""
        self._statements = statements
        self._clock = clock
        self._last_id = 0
        self._reconciled_at = -math.inf
        self._turn = asyncio.Lock()

    async def enqueue(self) -> None:
        """Bring the queue up to date with everything that anybody did to the tables."""
        self._reconciled_at = self._clock.now()
        await self._statements.fetch("reconcile")
        await self._enqueue_above(0)

    async def enqueue_news(self) -> None:
        """Do the same for new files and ended cooldowns only: cheap enough for every second.

        Changes that people make by hand take effect within `RECONCILE_SECONDS`.
        """
        if self._clock.now() - self._reconciled_at > RECONCILE_SECONDS:
            await self.enqueue()
            return
        await self._statements.fetch("wake")
        # A transaction gets its ids before it commits, so look back at ids still on their way.
        await self._enqueue_above(max(0, self._last_id - LOOK_BACK_IDS))

    async def keep_enqueuing(self) -> None:
        """Do so every second: a worker that watches gets new files while others are pending."""
        while True:
            await self._clock.sleep(jittered(NEWS_SECONDS))
            async with self._turn:
                await self.enqueue_news()

    async def in_turn(
        self, claim: Callable[[int], Awaitable[Claimed]], batch: int, *, is_idle: bool
    ) -> Claimed:
        """Claim; an idle worker does so in turn with the upkeep, so that it needs one connection.

        A busy worker does not wait, because looking at all tables may take seconds.
        """
        async with self._turn if is_idle else contextlib.nullcontext():
            return await claim(batch)

    async def _enqueue_above(self, after_id: int) -> None:
        (row,) = await self._statements.fetch("enqueue", {"after_id": after_id})
        self._last_id = row["last_id"]
        if row["queued"] >= FILES_WORTH_AN_ANALYSE:
            await self._statements.fetch("analyze_queue")

    async def count_pending(self, selection: Selection) -> Pending:
        """Count the files that a run with this selection may claim now."""
        (row,) = await self._statements.fetch("count_pending", selection.filters)
        return Pending(**row)

    async def check_campaign(self, campaign: str) -> None:
        """Raise an error that names the campaigns where the catalogue has none of that name."""
        rows = await self._statements.fetch("campaigns")
        names = [row["campaign_name"] for row in rows]
        if campaign not in names:
            there_are = ", ".join(names[:MOST_CAMPAIGNS]) or "none, run `dbt build` first"
            raise UnknownCampaignError(f"There is no campaign {campaign}; there are: {there_are}")

    async def count_held_back(self) -> dict[str, int]:
        """Count the files that have `failed` for good, and those that are `cooling_down`."""
        (row,) = await self._statements.fetch("count_held_back")
        return row
