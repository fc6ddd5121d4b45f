"""A dbt project of the test's own, and a migrated database with the dialer's tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.refresh.dbt import SOURCE_TABLES, Dbt

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg import Connection


@pytest.fixture
def dbt(tmp_path: Path) -> Dbt:
    """Return dbt with a folder for its profile, artifacts and logs."""
    return Dbt(tmp_path / "dbt")


@pytest.fixture
def source(connection: Connection) -> Connection:
    """Create the dialer's tables, empty, in a migrated database."""
    connection.execute(SOURCE_TABLES)
    return connection
