"""The SQL of this package: one query a file, in sql/."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, LiteralString

if TYPE_CHECKING:
    from collections.abc import Mapping

    from psycopg import AsyncConnection
    from psycopg.rows import DictRow


@cache
def query(name: str) -> LiteralString:
    """Return the text of sql/<name>.sql, whose parameters are written `%(named)s`."""
    # a packaged file is as constant as the literal that psycopg asks for
    return files("transcriber").joinpath("sql", f"{name}.sql").read_text("utf-8")


async def fetch_all(
    connection: AsyncConnection[DictRow], name: str, parameters: Mapping[str, object] | None = None
) -> list[DictRow]:
    """Run sql/<name>.sql and return its rows; none for a query that returns nothing."""
    cursor = await connection.execute(query(name), parameters)
    return await cursor.fetchall() if cursor.description else []


async def fetch_one(
    connection: AsyncConnection[DictRow], name: str, parameters: Mapping[str, object] | None = None
) -> DictRow:
    """Run a query of exactly one row."""
    (row,) = await fetch_all(connection, name, parameters)
    return row
