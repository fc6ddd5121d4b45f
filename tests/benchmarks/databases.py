"""Databases on the server of a benchmark."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.servers.postgres import Server


def create(server: Server, name: str, template: str = "template0") -> None:
    """Create a database as a copy of the template, in place of one with the same name."""
    _drop(server, name)
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} template {}").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )


@contextlib.contextmanager
def temporary(server: Server, name: str) -> Iterator[dict[str, str]]:
    """Create a database, point PG* of this process at it, and drop it at the end."""
    create(server, name)
    environment = server.environment(name)
    os.environ |= environment
    try:
        yield environment
    finally:
        _drop(server, name)


def _drop(server: Server, name: str) -> None:
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        connection.execute(
            sql.SQL("drop database if exists {} (force)").format(sql.Identifier(name))
        )
