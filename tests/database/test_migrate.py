"""`transcriber migrate`: apply, list, try, roll back."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.support.database.migrations import (
    IDS,
    MIGRATIONS,
    connect,
    keep_only,
    rows,
    schema_dump,
    transcriber_migrate,
)
from transcriber.core.errors import MigrationError
from transcriber.db import migrate

if TYPE_CHECKING:
    from pathlib import Path


def test_an_empty_database_gets_every_migration_once(empty_database: dict[str, str]) -> None:
    first, second = transcriber_migrate(), transcriber_migrate()

    assert (first.returncode, first.stdout.splitlines()) == (0, IDS)
    assert (second.returncode, second.stdout) == (0, "nothing to apply\n")
    assert first.stderr == second.stderr == ""
    bookkeeping = rows(empty_database, "select schemaname from pg_tables where tablename ~ 'yoyo'")
    assert {schema for (schema,) in bookkeeping} == {"media_pipeline"}


def test_rolled_back_and_applied_again_the_schema_is_the_same(
    empty_database: dict[str, str],
) -> None:
    migrate.apply()
    before = schema_dump(empty_database)

    done = transcriber_migrate("--rollback", IDS[0])
    assert done.stdout.splitlines() == [f"rolled back {migration}" for migration in IDS[::-1]]
    left = """
        select relname from pg_class
        where relnamespace = 'media_pipeline'::regnamespace and relname !~ '^_yoyo'
        union all
        select proname from pg_proc where pronamespace = 'media_pipeline'::regnamespace
    """
    assert rows(empty_database, left) == []

    assert migrate.apply() == IDS
    assert schema_dump(empty_database) == before


@pytest.mark.usefixtures("empty_database")
def test_list_tells_what_is_applied(folder: Path) -> None:
    keep_only(folder, 2)
    migrate.apply(folder)

    lines = transcriber_migrate("--list").stdout.splitlines()

    applied = rf"applied {datetime.now(UTC):%Y}-\d\d-\d\d \d\d:\d\d:\d\d UTC"
    assert len(lines) == len(IDS)
    for line, migration_id in zip(lines[:2], IDS[:2], strict=True):
        assert re.fullmatch(rf"{migration_id}  {applied}", line)
    assert lines[2:] == [f"{migration_id}  pending" for migration_id in IDS[2:]]


@pytest.mark.parametrize("option", ["--list", "--dry-run"])
def test_looking_changes_nothing(empty_database: dict[str, str], option: str) -> None:
    done = transcriber_migrate(option)

    assert done.returncode == 0
    assert all(migration_id in done.stdout for migration_id in IDS)
    assert rows(empty_database, "select to_regnamespace('media_pipeline')") == [(None,)]


def test_a_dry_run_prints_the_pending_sql(empty_database: dict[str, str], folder: Path) -> None:
    keep_only(folder, 1)
    migrate.apply(folder)

    printed = transcriber_migrate("--dry-run").stdout

    texts = [(MIGRATIONS / f"{migration_id}.sql").read_text() for migration_id in IDS]
    assert texts[0] not in printed
    assert all(text in printed for text in texts[1:])
    assert rows(empty_database, "select count(*) from media_pipeline._yoyo_migration") == [(1,)]


def test_a_rollback_takes_what_came_later_too(database: dict[str, str]) -> None:
    assert migrate.rollback("0004") == IDS[:2:-1]

    for unknown in (IDS[4], "0004", "000", "nonsense"):
        done = transcriber_migrate("--rollback", unknown)
        assert done.returncode == 2
        assert done.stderr == f"Error: {unknown} is not applied: see `transcriber migrate --list`\n"
    assert [*rows(database, "select migration_id from media_pipeline._yoyo_migration")] == [
        (migration_id,) for migration_id in IDS[:3]
    ]


def test_a_rollback_never_drops_rows(database: dict[str, str]) -> None:
    with connect(database) as connection:
        connection.execute("insert into media_pipeline.audio_files (url, url_sha1) values ('', '')")

    done = transcriber_migrate("--rollback", IDS[0])

    assert done.returncode == 2
    assert done.stderr.startswith(f"Error: cannot roll back {IDS[0]}: media_pipeline.audio_files")
    assert done.stderr.count("\n") == 1
    assert rows(database, "select count(*) from media_pipeline.audio_files") == [(1,)]
    assert all(migration.applied_at for migration in migrate.status())
    assert migrate.apply() == []


def test_two_wishes_at_once_are_refused() -> None:
    assert transcriber_migrate("--list", "--rollback", IDS[0]).returncode == 2


@pytest.mark.usefixtures("empty_database")
def test_a_migration_that_fails_is_named(folder: Path) -> None:
    bad = folder / "0009.bad.sql"
    bad.write_text(f"-- depends: {IDS[-1]}\nselect 1;\ncreate table media_pipeline.audio_files ();")

    for _ in range(2):
        with pytest.raises(MigrationError, match=r"cannot apply 0009\.bad: .*already exists"):
            migrate.apply(folder)
    bad.write_text("select 'a row for stderr' as noise;")
    assert migrate.apply(folder) == ["0009.bad"]
