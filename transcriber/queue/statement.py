"""Statements that are repeated until the database answers."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio
import psycopg

from transcriber.core.errors import one_line
from transcriber.db.answers import (
    MOST_TIMEOUTS,
    QUERY_CANCELED,
    Answer,
    RefusedError,
    judge,
    setting_error,
)
from transcriber.db.queries import query

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from psycopg.rows import DictRow

    from transcriber.db.connect import Pool

FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 0.1, 5.0
MOST_RACES = 20


@dataclass(frozen=True)
class Outage:
    """The database does not answer; the statement is repeated."""

    reason: str


class Statements:
    """Runs this folder's queries, and tells a listener why it waits."""

    def __init__(self, pool: Pool, listener: Callable[[Outage], None]) -> None:
        """Take the pool, and who hears of outages."""
        self._pool = pool
        self._listener = listener
        self._role = ""
        self.outages = 0

    async def fetch(
        self, name: str, parameters: Mapping[str, object] | None = None
    ) -> list[DictRow]:
        """Run a query, again and again while the database is away, and return its rows.

        Raises `RefusedError` where the values cannot be stored, and a `TranscriberError` that
        says what to do where a right or a setting is wrong.
        """
        patience, races, timeouts = FIRST_RETRY_SECONDS, 0, 0
        while True:
            try:
                return await self._attempt(name, parameters)
            except psycopg.Error as error:
                answer = judge(error)
                # Somebody deleted an audio file while the statement ran. Nothing was written, and
                # when it is repeated the statement no longer sees that file.
                races += answer is Answer.RACED
                timeouts += error.sqlstate == QUERY_CANCELED
                if answer is Answer.REFUSED or races > MOST_RACES:
                    raise RefusedError(error.sqlstate or "") from None
                if answer is Answer.SETTING or timeouts == MOST_TIMEOUTS:
                    raise setting_error(error, self._role) from None
                if answer is Answer.AWAY:
                    self.outages += 1
                    self._listener(Outage(one_line(error)))
                    await asyncio.sleep(patience * random.uniform(0.5, 1))  # noqa: S311 (jitter)
                    patience = min(2 * patience, LONGEST_RETRY_SECONDS)

    async def _attempt(self, name: str, parameters: Mapping[str, object] | None) -> list[DictRow]:
        rows: list[DictRow] = []
        # A cancellation waits until the statement has ended. Otherwise the pool would lose the
        # connection, and nobody would know whether what was paid for has been written.
        with anyio.CancelScope(shield=True):
            async with self._pool.connection() as connection:
                self._role = connection.info.user
                try:
                    cursor = await connection.execute(query(f"queue/{name}"), parameters)
                    if cursor.description:
                        rows = await cursor.fetchall()
                except psycopg.errors.ReadOnlySqlTransaction:
                    # After a failover this server is a standby: connect to the new primary.
                    await connection.close()
                    raise
        return rows
