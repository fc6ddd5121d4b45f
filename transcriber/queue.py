"""The queue in Postgres: claim, renew, complete, fail, release. The statements decide.

A claim is ours as long as its row names this worker and the time at which it was claimed: that
pair is the token which every write is fenced with.
"""

from __future__ import annotations

import json
import math
import os
import platform
import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from transcriber.errors import DatabaseUnavailableError, SchemaMissingError
from transcriber.queries import fetch_all, fetch_one

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from psycopg import AsyncConnection
    from psycopg.rows import DictRow

    from transcriber.failures import FileFailure
    from transcriber.providers import Transcript

POOL_SIZE = 4


@dataclass(frozen=True)
class Job:
    """A claimed file."""

    audio_file_id: int
    url: str = field(repr=False)  # may hold a signature; never in a log
    claimed_at: datetime


def _worker_name() -> str:
    """Return a name that no other process has, nor this one after a restart."""
    return f"{platform.node()}:{os.getpid()}:{secrets.token_hex(4)}"


class Queue:
    """One worker's view of the queue. Its methods are one statement each."""

    def __init__(
        self,
        pool: AsyncConnectionPool[AsyncConnection[DictRow]],
        *,
        claim_ttl: float,
        campaign: str | None,
    ) -> None:
        """Take the pool, the claims' time to live in seconds, and whose files to take."""
        self._pool = pool
        self._campaign = campaign
        self.claim_ttl = claim_ttl
        self.worker = _worker_name()

    async def enqueue(self) -> None:
        """Bring the queue up to date with what anybody did to the tables."""
        async with self._pool.connection() as connection:
            await fetch_one(connection, "reconcile")
            await fetch_one(connection, "enqueue", {"after_id": 0})

    async def count_pending(self) -> int:
        """Count the files that are to do."""
        async with self._pool.connection() as connection:
            row = await fetch_one(connection, "count_pending", {"campaign": self._campaign})
        return int(row["files"])

    async def claim(self, batch: int) -> tuple[list[Job], bool]:
        """Return up to `batch` files, and whether there were any to compete for."""
        parameters = {
            "batch": batch,
            "campaign": self._campaign,
            "claim_ttl": self.claim_ttl,
            "worker": self.worker,
        }
        async with self._pool.connection() as connection:
            rows = await fetch_all(connection, "claim", parameters)
        any_seen = rows[0]["seen"] > 0
        jobs = [
            Job(row["audio_file_id"], row["url"], row["claimed_at"])
            for row in rows
            if row["audio_file_id"] is not None
        ]
        return jobs, any_seen

    async def renew(self, jobs: Sequence[Job]) -> set[int]:
        """Prolong claims and return the ids of those that are still ours."""
        parameters = {
            "audio_file_ids": [job.audio_file_id for job in jobs],
            "claimed_at": [job.claimed_at for job in jobs],
            "claim_ttl": self.claim_ttl,
            "worker": self.worker,
        }
        async with self._pool.connection() as connection:
            rows = await fetch_all(connection, "renew", parameters)
        return {row["audio_file_id"] for row in rows}

    async def release_all(self) -> None:
        """Give back every claim that this worker still holds."""
        async with self._pool.connection() as connection:
            await fetch_all(connection, "release", {"worker": self.worker})

    async def complete(
        self,
        job: Job,
        transcript: Transcript,
        *,
        provider: str,
        model: str,
        metadata: dict[str, Any],
        content_sha256: str,
        file_size_bytes: int,
    ) -> bool:
        """Store a transcript; tell whether the file was still ours to finish."""
        parameters = {
            **self._token(job),
            "provider": provider,
            "model": model,
            "transcript_text": storable(transcript.text),
            "segments": _json(transcript.segments),
            "diarization": _json(transcript.diarization),
            "metadata": _json(metadata),
            "raw_response": _json(transcript.raw),
            "content_sha256": content_sha256,
            "file_size_bytes": file_size_bytes,
        }
        async with self._pool.connection() as connection:
            row = await fetch_one(connection, "complete", parameters)
        return bool(row["written"])

    async def fail(
        self,
        job: Job,
        failure: FileFailure,
        *,
        provider: str,
        model: str,
        max_attempts: int,
        cooldown: float,
    ) -> str | None:
        """Record a failure; return what it became (transient or permanent), None if not ours.

        `cooldown` is the first one in seconds.
        """
        parameters = {
            **self._token(job),
            "provider": provider,
            "model": model,
            "is_permanent": failure.permanent,
            "error_code": failure.code,
            "error": storable(str(failure)),
            "retry_after": failure.retry_after,
            "max_attempts": max_attempts,
            "cooldown": cooldown,
        }
        async with self._pool.connection() as connection:
            rows = await fetch_all(connection, "fail", parameters)
        return rows[0]["status"] if rows else None

    def _token(self, job: Job) -> dict[str, object]:
        return {
            "audio_file_id": job.audio_file_id,
            "claimed_at": job.claimed_at,
            "worker": self.worker,
        }


@asynccontextmanager
async def open_queue(*, claim_ttl: float, campaign: str | None) -> AsyncIterator[Queue]:
    """Connect to the database that PG* names."""
    await _check_database()
    async with AsyncConnectionPool[Any](
        kwargs={"autocommit": True, "row_factory": dict_row},
        min_size=1,
        max_size=POOL_SIZE,
        configure=_configure,
        open=False,
    ) as pool:
        yield Queue(pool, claim_ttl=claim_ttl, campaign=campaign)


async def _check_database() -> None:
    """Fail at once, and with a reason: the pool would try again and again."""
    try:
        connection = await psycopg.AsyncConnection.connect()
    except psycopg.OperationalError as error:
        raise DatabaseUnavailableError.because(error) from error
    async with connection:
        cursor = await connection.execute(
            "select to_regclass('media_pipeline.ix_transcriptions_queue') is not null"
        )
        row = await cursor.fetchone()
    if row is None or not row[0]:
        raise SchemaMissingError


async def _configure(connection: AsyncConnection[Any]) -> None:
    # a generic plan does not know that the filters are off: 24 ms a claim instead of 2
    await connection.execute("set plan_cache_mode = force_custom_plan")


def _json(value: object) -> str | None:
    return None if value is None else json.dumps(storable(value), ensure_ascii=False)


def storable(value: Any) -> Any:  # noqa: ANN401 (JSON is what it is)
    """Return text or JSON without what PostgreSQL refuses: NUL, lone surrogates, NaN."""
    match value:
        case str():
            return value.replace("\x00", "").encode("utf-8", "ignore").decode("utf-8")
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {storable(key): storable(each) for key, each in value.items()}
        case list() | tuple():
            return [storable(each) for each in value]
        case _:
            return value
