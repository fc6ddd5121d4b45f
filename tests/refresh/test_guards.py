"""dbt refuses databases and settings that it cannot use, in a line that names the next step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.support.database.handover import statement
from tests.support.refresh.dbt import SOURCE_TABLES
from transcriber.db import migrate

if TYPE_CHECKING:
    from tests.support.refresh.dbt import Dbt

RUN_MIGRATIONS = "does not exist: run the migrations first (transcriber migrate)"


@pytest.mark.usefixtures("empty_database")
def test_without_migrations(dbt: Dbt) -> None:
    with psycopg.connect(autocommit=True) as connection:
        connection.execute(SOURCE_TABLES)
        assert f"the schema media_pipeline {RUN_MIGRATIONS}" in dbt.fail("build")

        # A deployment that is older than the migrations has the tables, but no functions.
        connection.execute(statement("tables").encode())
        assert f"the function media_pipeline.url_sha1 {RUN_MIGRATIONS}" in dbt.fail("build")
        count = connection.execute("select count(*) from media_pipeline.audio_files").fetchone()
        assert count == (0,)


@pytest.mark.usefixtures("source")
def test_without_the_newest_migrations(dbt: Dbt) -> None:
    migrate.rollback("0009")
    assert f"the view media_pipeline.file_states {RUN_MIGRATIONS}" in dbt.fail("run")


def test_with_a_column_missing(source: psycopg.Connection, dbt: Dbt) -> None:
    source.execute("alter table media_pipeline.audio_files drop column index_in_phone")
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
