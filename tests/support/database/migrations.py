"""The migrations of this checkout, and the ways to run and to inspect them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg

from tests.support import REPOSITORY
from tests.support.servers.postgres import embedded_bin_dir

if TYPE_CHECKING:
    from pathlib import Path

MIGRATIONS = REPOSITORY / "migrations"
IDS = sorted(path.stem for path in MIGRATIONS.glob("*.sql") if ".rollback" not in path.name)
COMMAND = [sys.executable, "-m", "transcriber", "migrate"]


def transcriber_migrate(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `transcriber migrate` in a process of its own."""
    return subprocess.run(
        [*COMMAND, *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )


def keep_only(folder: Path, first: int) -> None:
    """Leave the first migrations of a copy, as an older release has them."""
    for migration_id in IDS[first:]:
        for path in folder.glob(f"{migration_id}.*"):
            path.unlink()


def connect(database: dict[str, str], **parameters: Any) -> psycopg.Connection:
    """Connect to a database, in autocommit mode."""
    return psycopg.connect(autocommit=True, dbname=database["PGDATABASE"], **parameters)


def rows(database: dict[str, str], text: LiteralString) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    with connect(database) as connection:
        return connection.execute(text).fetchall()


def schema_dump(database: dict[str, str]) -> str:
    """Return the whole schema as pg_dump writes it."""
    dump = subprocess.run(
        [embedded_bin_dir() / "pg_dump", "--schema-only", "--no-owner"],
        env={**os.environ, **database}, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    # Each dump has a random key, by which psql recognises the end of untrusted text.
    return re.sub(r"(?m)^\\(un)?restrict .*$", "", dump)
