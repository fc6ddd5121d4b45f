"""A PostgreSQL server per test run, a migrated template database, a clone per test."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from tests.support.servers.postgres import running_server
from transcriber.db import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_configure(config: pytest.Config) -> None:
    """Remove the developer's own keys and settings, so that tests do not use them."""
    del config
    for name in [*os.environ]:
        if name.startswith(("TRANSCRIBER_", "OPENAI_")):
            del os.environ[name]


@pytest.fixture(scope="session")
def server() -> Iterator[dict[str, str]]:
    """Return libpq's variables for the server that PG* names, or else for one of our own."""
    if "PGHOST" in os.environ:
        yield {name: value for name, value in os.environ.items() if name.startswith("PG")}
    else:
        with running_server() as own:
            yield own.environment()


def _database(
    server: dict[str, str], kind: str, template: str, patch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    """Create a database, point PG* of this process and its children at it, and drop it at the end.

    Yield libpq's variables for it.
    """
    name = f"{kind}_{os.getpid()}_{os.urandom(3).hex()}"
    conninfo = psycopg.conninfo.make_conninfo(
        host=server["PGHOST"],
        port=server["PGPORT"],
        user=server["PGUSER"],
        password=server.get("PGPASSWORD"),
        dbname=server["PGDATABASE"],
    )
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} template {}").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        environment = {**server, "PGDATABASE": name}
        for variable, value in environment.items():
            patch.setenv(variable, value)
        yield environment
        connection.execute(sql.SQL("drop database {} (force)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def template(server: dict[str, str]) -> Iterator[str]:
    """Return the name of a database with every migration, which tests copy."""
    with pytest.MonkeyPatch.context() as patch:
        for environment in _database(server, "template", "template0", patch):
            migrate.apply()
            # Tests have databases of their own, and some of them need PG* to name none.
            patch.undo()
            yield environment["PGDATABASE"]


@pytest.fixture
def empty_database(
    server: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    """Point PG* at a database of the test's own without the schema media_pipeline."""
    yield from _database(server, "empty", "template0", monkeypatch)


@pytest.fixture
def database(
    server: dict[str, str], template: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    """Point PG* at a migrated database of the test's own."""
    yield from _database(server, "test", template, monkeypatch)


@pytest.fixture
def connection(database: dict[str, str]) -> Iterator[psycopg.Connection]:
    """Connect to the test's database, in autocommit mode."""
    del database
    with psycopg.connect(autocommit=True) as opened:
        yield opened
