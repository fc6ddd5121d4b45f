"""Claims on files: take, renew, complete, fail, release. The statements decide.

A claim is ours as long as its row names this claimant and the time at which it was claimed: every
write is fenced with that pair, and with the URL that was transcribed.
"""

from __future__ import annotations

import math
import os
import platform
import random
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from transcriber.core.clock import SYSTEM_CLOCK
from transcriber.db.json import as_json, storable
from transcriber.queue.ends import QueueEnd
from transcriber.queue.jobs import Claimed, Job, Renewed, RetryPolicy
from transcriber.queue.outages import read_outages

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from psycopg.rows import DictRow

    from transcriber.core.clock import Clock
    from transcriber.core.verdicts import FileFailure
    from transcriber.queue.jobs import Completion, Probe, Provider, Selection
    from transcriber.queue.statement import Statements

# The reason that a takeover of an expired claim records.
ABANDONED = "the worker that had the file ended without a word"


class Claims:
    """One worker's claims. `claim_ttl` is in seconds; its methods are one statement each."""

    def __init__(
        self,
        statements: Statements,
        *,
        provider: Provider,
        claim_ttl: float,
        selection: Selection,
        max_attempts: int = RetryPolicy.max_attempts,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Take what runs the statements, who transcribes, and which files to take."""
        self._statements = statements
        self._provider = provider
        self.selection = selection
        self._share_of_oldest = selection.backfill_share if selection.newest_first else 1.0
        self._newest = QueueEnd(clock, is_newest=True)
        self._oldest = QueueEnd(clock, is_newest=False)
        self.claim_ttl = claim_ttl
        self._max_attempts = max_attempts
        # No other process has this name, nor has this one after a restart.
        self.claimant = f"{platform.node()}:{os.getpid()}:{secrets.token_hex(4)}"

    @property
    def outages(self) -> int:
        """Return how often the database did not answer, so that an answer may be lost."""
        return self._statements.outages

    async def claim(self, batch: int, probe: Probe | None = None) -> Claimed:
        """Take up to `batch` files from one end of the queue, each end as often as is its share."""
        end = self._oldest if random.random() < self._share_of_oldest else self._newest  # noqa: S311
        if probe:  # Its file may lie anywhere, and the next claim must not begin there.
            end = QueueEnd(SYSTEM_CLOCK, is_newest=end.is_newest)
        rows = await self._statements.fetch(
            "claim",
            {
                **self.selection.filters,
                "batch": batch,
                "newest_first": end.is_newest,
                "begin_at": end.begin_at,
                "claim_ttl": self.claim_ttl,
                "provider": self._provider.name,
                "paused_as": self._provider.paused_as,
                "stored_as": self._provider.stored_as,
                "model": self._provider.model,
                "max_attempts": self._max_attempts,
                "error": ABANDONED,
                "is_probe": probe is not None,
                "probed_host": probe.service if probe and not probe.is_provider else None,
                "tried_ids": [*probe.tried_ids] if probe else [],
                "claimant": self.claimant,
            },
        )
        seen = rows[0]["seen"]
        end.move(rows[0]["reached"], was_full=seen == batch)
        jobs = [
            Job(row["audio_file_id"], row["url"], row["url_sha1"], row["claimed_at"], row["host"])
            for row in rows
            if row["audio_file_id"] is not None
        ]
        return Claimed(
            jobs,
            # A claim that did not begin at the end has not seen everything.
            any_pending=seen > 0 or not end.is_exhausted,
            paused_because=rows[0]["paused_because"],
            outages=read_outages(rows[0]["outages"]),
        )

    async def renew(self, jobs: Sequence[Job]) -> Renewed:
        """Prolong claims by their time to live.

        A claim that was merely deleted, or whose file has another id after a failover, is made
        anew: its file may be half paid for.
        """
        rows = await self._prolong("renew", jobs)
        kept = {row["url_sha1"] for row in rows}
        if others := [job for job in jobs if job.url_sha1 not in kept]:
            rows += await self._prolong("reclaim", others)
        by_url = {job.url_sha1: job for job in jobs}
        return Renewed(
            kept={
                row["url_sha1"]: replace(
                    by_url[row["url_sha1"]],
                    audio_file_id=row["audio_file_id"],
                    claimed_at=row["claimed_at"],
                )
                for row in rows
                if row["audio_file_id"] is not None
            },
            gone={row["url_sha1"] for row in rows if row["audio_file_id"] is None},
        )

    async def _prolong(self, name: str, jobs: Sequence[Job]) -> list[DictRow]:
        return await self._statements.fetch(
            name,
            {
                "claim_ttl": self.claim_ttl,
                "claimant": self.claimant,
                "audio_file_ids": [job.audio_file_id for job in jobs],
                "claimed_at": [job.claimed_at for job in jobs],
                "url_sha1s": [job.url_sha1 for job in jobs],
                "urls": [job.url for job in jobs],
            },
        )

    async def release(self, kept: Iterable[int] = ()) -> None:
        """Give back every claim of this claimant but those on the given files."""
        parameters = {"claimant": self.claimant, "kept_ids": [*kept]}
        await self._statements.fetch("release", parameters)

    async def complete(self, completions: Sequence[Completion]) -> set[str]:
        """Store transcripts; return the `result_id` of those that were still ours to write."""
        rows = await self._statements.fetch(
            "complete",
            {
                "claimant": self.claimant,
                "provider": self._provider.stored_as,
                "model": self._provider.model,
                "results": as_json([each.as_row(self.claimant) for each in completions]),
            },
        )
        return {row["result_id"] for row in rows}

    async def fail(self, job: Job, failure: FileFailure, policy: RetryPolicy) -> str | None:
        """Record a failure; return what it became (transient or permanent), None if not ours."""
        rows = await self._statements.fetch(
            "fail",
            {
                "audio_file_id": job.audio_file_id,
                "url": job.url,
                "url_sha1": job.url_sha1,
                "claimed_at": job.claimed_at,
                "claimant": self.claimant,
                "provider": self._provider.stored_as,
                "model": self._provider.model,
                "is_permanent": failure.permanent,
                "may_still_come": failure.may_still_come,
                "error_code": failure.code,
                "error": storable(str(failure)),
                "retry_after": failure.retry_after,
                "max_attempts": min(policy.max_attempts, failure.most_attempts or math.inf),
                "cooldown": policy.cooldown,
            },
        )
        return rows[0]["status"] if rows else None

    async def pause_provider(self, reason: str) -> None:
        """Stop every worker that shares this provider's key, model and base URL."""
        parameters = {
            "paused_as": self._provider.paused_as,
            "reason": reason,
            "claimant": self.claimant,
        }
        await self._statements.fetch("pause_provider", parameters)
