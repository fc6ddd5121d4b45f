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
    """Keep the keys and settings of whoever runs the tests out of them."""
    del config
    for name in [*os.environ]:
        if name.startswith(("TRANSCRIBER_", "OPENAI_")):
            del os.environ[name]


@pytest.fixture(scope="session")
def server() -> Iterator[dict[str, str]]:
    """Libpq's variables for the maintenance database: of the PG* server, else of our own."""
    if "PGHOST" in os.environ:
        yield {name: value for name, value in os.environ.items() if name.startswith("PG")}
    else:
        with running_server() as own:
            yield own.environment()


def _database(server: dict[str, str], name: str, template: str) -> Iterator[dict[str, str]]:
    """Yield libpq's variables for a new database, dropped at the end."""
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
        yield {**server, "PGDATABASE": name}
        connection.execute(sql.SQL("drop database {} (force)").format(sql.Identifier(name)))


def _unique(name: str) -> str:
    return f"{name}_{os.getpid()}_{os.urandom(3).hex()}"


@pytest.fixture(scope="session")
def template(server: dict[str, str]) -> Iterator[str]:
    """Name a database to which every migration was applied, for cloning."""
    for environment in _database(server, _unique("template"), "template0"):
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            migrate.apply()
        yield environment["PGDATABASE"]


@pytest.fixture
def empty_database(
    server: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    """Point PG* of this process and its children at a database without our schema."""
    for environment in _database(server, _unique("empty"), "template0"):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield environment


@pytest.fixture
def database(
    server: dict[str, str], template: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    """Point PG* of this process and its children at a migrated database of the test's own."""
    for environment in _database(server, _unique("test"), template):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield environment


@pytest.fixture
def connection(database: dict[str, str]) -> Iterator[psycopg.Connection]:
    """Connect to the test's database, in autocommit mode."""
    del database
    with psycopg.connect(autocommit=True) as opened:
        yield opened
