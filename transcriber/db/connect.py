"""Connections to the database that PG* names, and what it can store."""

from __future__ import annotations

import json
import logging
import math
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from transcriber.core.errors import DatabaseUnavailableError, SchemaMissingError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from psycopg import AsyncConnection
    from psycopg.rows import DictRow

    Pool = AsyncConnectionPool[AsyncConnection[DictRow]]

# it warns of every attempt in vain; a run says itself that it waits for the database
logging.getLogger("psycopg.pool").setLevel(logging.ERROR)

POOL_SIZE = 4
SECONDS_TO_GET_A_CONNECTION = 5


@asynccontextmanager
async def open_pool() -> AsyncIterator[Pool]:
    """Open a few connections, and new ones when the database was away."""
    await _check_database()
    async with AsyncConnectionPool[Any](
        kwargs={"autocommit": True, "row_factory": dict_row},
        min_size=1,
        max_size=POOL_SIZE,
        timeout=SECONDS_TO_GET_A_CONNECTION,
        # the pool doubles its waits for so long, and begins anew when it is asked again: with more
        # patience it would come back from an outage of an hour up to an hour late
        reconnect_timeout=SECONDS_TO_GET_A_CONNECTION,
        configure=_configure,
        open=False,
    ) as pool:
        yield pool


async def _check_database() -> None:
    """Fail at once, and with a reason, where nothing can be done: the pool would try for ever."""
    try:
        async with await psycopg.AsyncConnection.connect() as connection:
            cursor = await connection.execute(
                "select to_regclass('media_pipeline.claimable_files') is not null"
            )
            row = await cursor.fetchone()
    except psycopg.OperationalError as error:
        raise DatabaseUnavailableError.because(error) from error
    if row is None or not row[0]:
        raise SchemaMissingError


async def _configure(connection: AsyncConnection[Any]) -> None:
    # a generic plan does not know that the filters are off: 24 ms a claim instead of 2
    await connection.execute("set plan_cache_mode = force_custom_plan")


def as_json(value: object) -> str:
    """Return a value as JSON that PostgreSQL can store."""
    with suppress(ValueError):  # NaN, or a lone surrogate
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
        if "\\u0000" not in text:
            return text
    # a walk in Python through every word's timestamps takes 20 times as long: only where needed
    return json.dumps(storable(value), ensure_ascii=False)


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
