"""Connections to the database that libpq's variables (PGHOST, PGDATABASE, …) name.

Workers share a pool; the commands of operators use one connection.
"""

from __future__ import annotations

import logging
import os
import platform
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from transcriber.core.errors import DatabaseUnavailableError, SchemaMissingError
from transcriber.db.answers import DatabaseSettingError, setting_error
from transcriber.db.queries import query

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from psycopg.rows import DictRow

    Connection = psycopg.Connection[DictRow]
    Pool = AsyncConnectionPool[psycopg.AsyncConnection[DictRow]]

# The pool warns of every failed attempt to connect; a run says itself that the database is away.
logging.getLogger("psycopg.pool").setLevel(logging.ERROR)

# Nothing may stay in a session, because behind a pooler (PgBouncer in transaction mode) each
# statement may get another one: so no prepared statements and no `set`. PostgreSQL then plans each
# statement with its values at hand; a plan for any values takes 24 ms for a claim instead of 2.
PARAMETERS: dict[str, Any] = {
    "autocommit": True,
    "prepare_threshold": None,
    # A client's locale must not decide which characters of a transcript can be sent.
    "client_encoding": "utf8",
    # What pg_stat_activity shows, unless PGAPPNAME says something else.
    "fallback_application_name": f"transcriber {platform.node()}:{os.getpid()}",
}

# One claims, and two write; an idle worker keeps one of them.
POOL_SIZE, SECONDS_TO_KEEP_AN_IDLE_CONNECTION = 3, 10
SECONDS_TO_GET_A_CONNECTION = 5


@contextmanager
def connect() -> Iterator[Connection]:
    """Open one connection; raise what PostgreSQL refuses as an error of one line."""
    try:
        connection = psycopg.connect(row_factory=dict_row, **PARAMETERS)
    except psycopg.OperationalError as error:
        raise DatabaseUnavailableError.because(error) from error
    with connection:
        try:
            yield connection
        except psycopg.Error as error:
            if connection.broken:
                raise DatabaseUnavailableError.because(error) from error
            raise setting_error(error, connection.info.user) from error
        except UnicodeEncodeError as error:
            raise DatabaseSettingError(f"PostgreSQL refused this: {error.reason}") from error


def fetch(
    connection: Connection, name: str, parameters: Mapping[str, Any] | None = None
) -> list[DictRow]:
    """Run a query, named as in `db.queries`, and return its rows."""
    return connection.execute(query(name), parameters).fetchall()


@asynccontextmanager
async def open_pool() -> AsyncIterator[Pool]:
    """Open a pool, which replaces connections that the database has closed."""
    await _check_database()
    async with AsyncConnectionPool[Any](
        kwargs={"row_factory": dict_row, **PARAMETERS},
        min_size=1,
        max_size=POOL_SIZE,
        max_idle=SECONDS_TO_KEEP_AN_IDLE_CONNECTION,
        timeout=SECONDS_TO_GET_A_CONNECTION,
        # The pool doubles its waits up to this time and starts again at the next request. With a
        # longer time it would notice the end of an outage of an hour up to an hour late.
        reconnect_timeout=SECONDS_TO_GET_A_CONNECTION,
        open=False,
    ) as pool:
        yield pool


async def _check_database() -> None:
    """Fail at once and with a reason where the pool would go on trying forever."""
    try:
        async with await psycopg.AsyncConnection.connect(**PARAMETERS) as connection:
            cursor = await connection.execute(query("db/look_at_database"))
            (is_current, is_read_only) = await cursor.fetchone() or (False, False)
    except psycopg.OperationalError as error:
        raise DatabaseUnavailableError.because(error) from error
    if not is_current:
        raise SchemaMissingError
    if is_read_only:
        raise DatabaseSettingError(
            "The database is read-only: set PGHOST to the primary, or default_transaction_read_only"
            " to off for this role"
        )
