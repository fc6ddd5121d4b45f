"""The queue in Postgres: claim, renew, complete, fail, release. The statements decide.

A claim is ours as long as its row names this worker and the time at which it was claimed: that
pair is the token which every write is fenced with.
"""

from __future__ import annotations

import asyncio
import math
import os
import platform
import random
import secrets
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg

from transcriber.core.errors import one_line
from transcriber.db.json import as_json, storable
from transcriber.db.queries import query
from transcriber.queue.jobs import Claimed, Job, Pending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from psycopg.rows import DictRow

    from transcriber.core.verdicts import FileFailure
    from transcriber.db.connect import Pool
    from transcriber.providers import ProviderChoice
    from transcriber.queue.jobs import Choice, Result

FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 0.1, 5.0
LONGEST_RACE = 20  # repetitions

# a claim starts where the last one ended, but not for longer: new calls arrive before that place
CURSOR_SECONDS = 1.0

RECONCILE_SECONDS = 30.0
LOOK_BACK_IDS = 1_000

# the planner knows nothing of the queue's expressions until the table is analysed
FILES_WORTH_AN_ANALYSE = 1_000


class Queue:
    """One worker's view of the queue. Its methods are one statement each.

    A statement is repeated until the database answers; `on_outage` hears why it waits.
    """

    def __init__(
        self,
        pool: Pool,
        *,
        provider: ProviderChoice,
        claim_ttl: float,
        choice: Choice,
        on_outage: Callable[[str], None],
    ) -> None:
        """Take the pool, the claims' time to live in seconds, and which files to take."""
        self._pool = pool
        self._provider = provider
        self._choice = choice
        self._on_outage = on_outage
        self._cursor = _Cursor()
        self._last_id = 0
        self._reconciled_at = -math.inf
        self.claim_ttl = claim_ttl
        self.outages = 0
        # a name that no other process has, nor this one after a restart
        self.worker = f"{platform.node()}:{os.getpid()}:{secrets.token_hex(4)}"

    async def enqueue(self) -> None:
        """Bring the queue up to date with whatever anybody did to the tables."""
        self._reconciled_at = time.monotonic()
        await self._fetch("queue/reconcile")
        await self._enqueue_above(0)

    async def enqueue_news(self) -> None:
        """Do the same for new files and ended cooldowns: cheap enough for every second.

        What people did by hand takes effect within `RECONCILE_SECONDS`.
        """
        if time.monotonic() - self._reconciled_at > RECONCILE_SECONDS:
            await self.enqueue()
            return
        await self._fetch("queue/wake")
        # ids are given before they are committed: look back over those still on their way
        await self._enqueue_above(max(0, self._last_id - LOOK_BACK_IDS))

    async def _enqueue_above(self, after_id: int) -> None:
        (row,) = await self._fetch("queue/enqueue", {"after_id": after_id})
        self._last_id = row["last_id"]
        if row["queued"] >= FILES_WORTH_AN_ANALYSE:
            await self._fetch("queue/analyze_queue")

    async def count_pending(self) -> Pending:
        """Count the files that are to do."""
        (row,) = await self._fetch("queue/count_pending", {"campaign": self._choice.campaign})
        return Pending(**row)

    async def claim(self, batch: int) -> Claimed:
        """Take up to `batch` files: from one end of the queue, and a share from the other."""
        newest = _newest_of(batch, self._choice)
        oldest = batch - newest
        rows = await self._fetch(
            "queue/claim",
            {
                "newest": newest,
                "oldest": oldest,
                "newest_from": self._cursor.newest_from,
                "oldest_from": self._cursor.oldest_from,
                "campaign": self._choice.campaign,
                "phone": self._choice.phone,
                "max_duration": self._choice.max_duration,
                "claim_ttl": self.claim_ttl,
                "provider": self._provider.name,
                "worker": self.worker,
            },
        )
        first = rows[0]
        seen = first["newest_seen"] + first["oldest_seen"]
        was_full = (first["newest_seen"], first["oldest_seen"]) == (newest, oldest)
        self._cursor.move(first["newest_until"], first["oldest_until"], was_full=was_full)
        jobs = [
            Job(row["audio_file_id"], row["url"], row["url_sha1"], row["claimed_at"])
            for row in rows
            if row["audio_file_id"] is not None
        ]
        return Claimed(jobs, any_pending=seen > 0, paused_because=first["paused_because"])

    async def renew(self, jobs: Sequence[Job]) -> dict[int, Job]:
        """Prolong claims by their time to live; return those that are still ours, by file.

        A claim that was merely deleted is made anew: its file may be half paid for.
        """
        claimed_at = await self._prolong("queue/renew", jobs)
        if gone := [job for job in jobs if job.audio_file_id not in claimed_at]:
            claimed_at |= await self._prolong("queue/reclaim", gone)
        return {
            job.audio_file_id: replace(job, claimed_at=claimed_at[job.audio_file_id])
            for job in jobs
            if job.audio_file_id in claimed_at
        }

    async def _prolong(self, name: str, jobs: Sequence[Job]) -> dict[int, datetime]:
        rows = await self._fetch(
            name,
            {
                "claim_ttl": self.claim_ttl,
                "worker": self.worker,
                "audio_file_ids": [job.audio_file_id for job in jobs],
                "claimed_at": [job.claimed_at for job in jobs],
                "url_sha1s": [job.url_sha1 for job in jobs],
                "urls": [job.url for job in jobs],
            },
        )
        return {row["audio_file_id"]: row["claimed_at"] for row in rows}

    async def release(self, kept: Iterable[int] = ()) -> None:
        """Give back every claim of this worker but those of the given files."""
        await self._fetch("queue/release", {"worker": self.worker, "kept_ids": [*kept]})

    async def complete(self, results: Sequence[Result]) -> set[int]:
        """Store transcripts; return the ids of the files that were still ours to finish."""
        rows = await self._fetch(
            "queue/complete",
            {
                "worker": self.worker,
                "provider": self._provider.stored_as,
                "model": self._provider.model,
                "results": as_json([result.as_row(self.worker) for result in results]),
            },
        )
        return {row["audio_file_id"] for row in rows}

    async def fail(
        self,
        job: Job,
        failure: FileFailure,
        *,
        max_attempts: int,
        cooldown: float,
    ) -> str | None:
        """Record a failure; return what it became (transient or permanent), None if not ours.

        `cooldown` is the first one in seconds.
        """
        rows = await self._fetch(
            "queue/fail",
            {
                "audio_file_id": job.audio_file_id,
                "url": job.url,
                "url_sha1": job.url_sha1,
                "claimed_at": job.claimed_at,
                "worker": self.worker,
                "provider": self._provider.stored_as,
                "model": self._provider.model,
                "is_permanent": failure.permanent,
                "error_code": failure.code,
                "error": storable(str(failure)),
                "retry_after": failure.retry_after,
                "max_attempts": max_attempts,
                "cooldown": cooldown,
            },
        )
        return rows[0]["status"] if rows else None

    async def pause_provider(self, reason: str) -> None:
        """Stop every worker of this provider."""
        parameters = {"provider": self._provider.name, "reason": reason, "worker": self.worker}
        await self._fetch("queue/pause_provider", parameters)

    async def _fetch(
        self, name: str, parameters: Mapping[str, object] | None = None
    ) -> list[DictRow]:
        """Run a query, again and again while the database is away."""
        patience, races = FIRST_RETRY_SECONDS, 0
        while True:
            try:
                async with self._pool.connection() as connection:
                    cursor = await connection.execute(query(name), parameters)
                    return await cursor.fetchall() if cursor.description else []
            except psycopg.errors.ForeignKeyViolation:
                # Somebody deleted an audio file while the statement ran. Nothing was written, and
                # when it is repeated the statement no longer sees that file.
                races += 1
                if races > LONGEST_RACE:
                    raise
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                self.outages += 1
                self._on_outage(one_line(error))
                await asyncio.sleep(patience * random.uniform(0.5, 1))  # noqa: S311 (jitter)
                patience = min(2 * patience, LONGEST_RETRY_SECONDS)


class _Cursor:
    """Where in the queue the next claim begins, at either end."""

    newest_from: float
    oldest_from: float
    _expires_at: float

    def __init__(self) -> None:
        self._reset()

    def move(
        self, newest_until: float | None, oldest_until: float | None, *, was_full: bool
    ) -> None:
        """Go on from where a claim ended; from the ends when it found little, or after a while."""
        if not was_full or time.monotonic() > self._expires_at:
            self._reset()
            return
        if newest_until is not None:
            self.newest_from = newest_until
        if oldest_until is not None:
            self.oldest_from = oldest_until

    def _reset(self) -> None:
        self.newest_from, self.oldest_from = math.inf, -math.inf
        self._expires_at = time.monotonic() + CURSOR_SECONDS


def _newest_of(batch: int, choice: Choice) -> int:
    """Return how many of a batch are the newest; on average exact also for small batches."""
    if not choice.newest_first:
        return 0
    return int(batch * (1 - choice.backfill_share) + random.random())  # noqa: S311
