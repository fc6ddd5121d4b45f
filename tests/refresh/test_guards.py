"""What dbt refuses, and says in a line that names the next step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.support.database.handover import statement
from tests.support.refresh.dbt import SOURCE_TABLES, Dbt

if TYPE_CHECKING:
    from pathlib import Path

RUN_MIGRATIONS = "does not exist: run the migrations first (transcriber migrate)"


@pytest.fixture
def dbt(tmp_path: Path) -> Dbt:
    return Dbt(tmp_path / "dbt")


@pytest.mark.usefixtures("empty_database")
def test_without_migrations(dbt: Dbt) -> None:
    with psycopg.connect(autocommit=True) as connection:
        connection.execute(SOURCE_TABLES)
        assert f"the schema media_pipeline {RUN_MIGRATIONS}" in dbt.fail("build")

        # the handover's own tables are not enough
        connection.execute(statement("tables").encode())
        assert f"the function media_pipeline.url_sha1 {RUN_MIGRATIONS}" in dbt.fail("build")
        count = connection.execute("select count(*) from media_pipeline.audio_files").fetchone()
        assert count == (0,)


def test_with_a_column_missing(connection: psycopg.Connection, dbt: Dbt) -> None:
    connection.execute(SOURCE_TABLES)
    connection.execute("alter table media_pipeline.audio_files drop column index_in_phone")
    said = dbt.fail("run")
    assert "the column index_in_phone of" in said
    assert RUN_MIGRATIONS in said


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            {"campaign_ids": "SPRING"},
            'the var campaign_ids must be a list, for instance [C1, C2], not "SPRING"',
        ),
        (
            {"source_timezone": "+02"},
            'the var source_timezone must be a zone, for instance Europe/Berlin, not "+02"',
        ),
        (
            {"default_campaign_name": ["Spring"]},
            'the var default_campaign_name must be a text or null, not ["Spring"]',
        ),
    ],
)
def test_wrong_vars(dbt: Dbt, variables: dict[str, Any], message: str) -> None:
    said = dbt.fail("parse", **variables)
    assert message in [line.strip() for line in said.splitlines()]
