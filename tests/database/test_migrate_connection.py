"""The database and the role with which migrations run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.database.migrations import (
    IDS,
    rows,
    transcriber_migrate,
)
from transcriber.core.errors import DatabaseUnavailableError
from transcriber.db import migrate

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "variables",
    [
        {"PGHOST": "127.0.0.1", "PGPORT": "1"},
        {"PGDATABASE": "there_is_none"},
        {"PGPORT": "no number"},
        {"PGHOST": "database.invalid"},
        {"PGSERVICE": "there_is_none"},
        {"PGHOST": "postgresql://somebody:5ecret@127.0.0.1/db"},
    ],
)
def test_without_a_database_one_line_says_what_to_set(
    server: dict[str, str], monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name, value in {**server, "PGPASSWORD": "5ecret", **variables}.items():
        monkeypatch.setenv(name, value)

    done = transcriber_migrate()

    assert done.returncode == 2
    assert done.stdout == ""
    assert re.fullmatch(r"Error: Cannot connect .*PGHOST, PGPORT, .*\n", done.stderr)
    assert "5ecret" not in done.stderr
    assert "None" not in done.stderr
    with pytest.raises(DatabaseUnavailableError):
        migrate.status()


def test_a_service_names_the_database(
    empty_database: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    keys = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGDATABASE": "dbname"}
    lines = [f"{key}={empty_database[name]}" for name, key in keys.items()]
    (tmp_path / "services").write_text("\n".join(["[calls]", *lines, ""]))
    for name in keys:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    monkeypatch.setenv("PGSERVICE", "calls")

    assert migrate.apply() == IDS


def test_owning_the_schema_is_privilege_enough(
    empty_database: dict[str, str], as_unprivileged_owner: str
) -> None:
    assert migrate.apply() == IDS

    owners = "select distinct tableowner from pg_tables where schemaname = 'media_pipeline'"
    assert rows(empty_database, owners) == [(as_unprivileged_owner,)]
