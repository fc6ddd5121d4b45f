"""Rows of media_pipeline for tests of the transcriber, written as the handover writes them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from psycopg import sql

if TYPE_CHECKING:
    from psycopg import Connection


def add_audio_file(connection: Connection, url: str, **columns: Any) -> int:
    """Insert a file by hand and return its id."""
    values = {"url": url, "url_sha1": hashlib.sha1(url.encode()).hexdigest(), **columns}  # noqa: S324
    statement = sql.SQL("insert into media_pipeline.audio_files ({}) values ({}) returning id")
    row = connection.execute(
        statement.format(
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(map(sql.Placeholder, values)),
        ),
        values,
    ).fetchone()
    assert row is not None
    return int(row[0])


def one(connection: Connection, statement: str, *parameters: Any) -> Any:
    """Return the only row of a query; its only value where there is one column."""
    (row,) = connection.execute(statement.encode(), parameters).fetchall()
    return row[0] if len(row) == 1 else row
