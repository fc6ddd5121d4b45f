"""Databases and folders in the states in which `transcriber migrate` may find them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from psycopg import sql

from tests.support.database.migrations import MIGRATIONS, connect

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the migrations that a test may change."""
    return Path(shutil.copytree(MIGRATIONS, tmp_path / "migrations"))


@pytest.fixture
def as_unprivileged_owner(empty_database: dict[str, str]) -> Iterator[str]:
    """Act as a role that owns the schema, and may create neither another nor an extension."""
    name = f"owner_{os.urandom(4).hex()}"
    role = sql.Identifier(name)
    with connect(empty_database) as admin:
        admin.execute(sql.SQL("create role {}").format(role))
        admin.execute(sql.SQL("create schema media_pipeline authorization {}").format(role))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PGOPTIONS", f"-c role={name}")
            yield name
        admin.execute(sql.SQL("drop owned by {} cascade").format(role))
        admin.execute(sql.SQL("drop role {}").format(role))
