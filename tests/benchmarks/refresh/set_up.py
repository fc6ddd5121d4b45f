"""The server, the database and the statements that both benchmarks of the refresh begin with."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from tests.benchmarks import databases
from tests.support.refresh import statements
from tests.support.refresh.dbt import SOURCE_TABLES, Dbt
from tests.support.servers.postgres import Server, embedded_bin_dir, running_server
from transcriber.db import migrate

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")


def add_bin_dir(parser: argparse.ArgumentParser) -> None:
    """Add the option that chooses a PostgreSQL."""
    parser.add_argument(
        "--bin-dir", type=Path, help="a PostgreSQL's bin folder [Debian's 15, else embedded]",
        default=DEBIAN_15 if DEBIAN_15.exists() else embedded_bin_dir(),
    )  # fmt: skip


@contextlib.contextmanager
def server_and_folder(
    bin_dir: Path, settings: Mapping[str, str] | None = None
) -> Iterator[tuple[Server, Path]]:
    """Run a server of the benchmark's own; yield it, and a folder for dbt's files."""
    with (
        running_server(bin_dir=bin_dir, settings=settings) as server,
        tempfile.TemporaryDirectory(prefix="bench-refresh-") as folder,
    ):
        yield server, Path(folder)


def create_source(server: Server, name: str, folder: Path) -> list[statements.Transaction]:
    """Create a database with empty tables; return the statements by which dbt refreshes it."""
    databases.create(server, name)
    os.environ |= server.environment(name)
    migrate.apply()
    with psycopg.connect(autocommit=True) as connection:
        connection.execute(SOURCE_TABLES)
    return statements.transactions(Dbt(folder / name), name)
