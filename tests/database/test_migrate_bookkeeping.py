"""Files that were edited or are missing, and the bookkeeping that plain yoyo shares."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import REPOSITORY
from tests.support.database.migrations import (
    IDS,
    MIGRATIONS,
    connect,
    keep_only,
    schema_dump,
)
from transcriber.core.errors import MigrationError
from transcriber.db import migrate


@pytest.mark.usefixtures("empty_database")
def test_an_edited_applied_file_is_refused_by_name(folder: Path) -> None:
    keep_only(folder, 4)
    migrate.apply(folder)
    shutil.copy(MIGRATIONS / f"{IDS[4]}.sql", folder)
    with (folder / f"{IDS[1]}.sql").open("a") as file:
        file.write("-- one comment more\n")

    for attempt in (
        lambda: migrate.apply(folder),
        lambda: migrate.dry_run(folder),
        lambda: migrate.rollback(IDS[0], folder),
    ):
        with pytest.raises(MigrationError, match=f"{IDS[1]} was edited .*: restore the file"):
            attempt()
    assert [bool(migration.fault) for migration in migrate.status(folder)].index(True) == 1
    assert migrate.apply() == IDS[4:]


@pytest.mark.usefixtures("empty_database")
def test_a_missing_applied_file_is_refused_by_name(folder: Path) -> None:
    migrate.apply(folder)
    (folder / f"{IDS[2]}.sql").unlink()

    with pytest.raises(MigrationError, match=f"{IDS[2]} was applied, but is missing"):
        migrate.apply(folder)
    assert "missing" in migrate.status(folder)[2].describe()


@pytest.mark.usefixtures("empty_database")
def test_windows_line_ends_are_no_edit(folder: Path) -> None:
    migrate.apply()
    for path in folder.glob("*.sql"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    assert migrate.apply(folder) == []
    assert migrate.rollback(IDS[0], folder) == IDS[::-1]
    assert migrate.apply(folder) == IDS
    assert migrate.apply() == []


def test_a_folder_without_migrations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match="no migrations in"):
        migrate.apply(tmp_path)


def yoyo(*arguments: str) -> str:
    """Run yoyo's own program, which reads yoyo.ini; return its output."""
    program = Path(sys.executable).with_name("yoyo")
    done = subprocess.run(
        [program, *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.usefixtures("empty_database")
def test_plain_yoyo_serves_an_empty_database_and_both_go_on() -> None:
    assert yoyo("list").count("\nU ") == len(IDS)
    yoyo("apply")
    assert yoyo("list").count("\nA ") == len(IDS)
    assert migrate.apply() == []
    assert all(migration.sha256 for migration in migrate.status())

    yoyo("rollback", "--revision", IDS[3])
    assert migrate.apply() == IDS[3:]
    migrate.rollback(IDS[1])
    yoyo("apply")
    assert migrate.apply() == []
    yoyo("break-lock")


def test_yoyo_without_our_backend_is_taken_over(
    empty_database: dict[str, str], folder: Path
) -> None:
    with connect(empty_database) as connection:
        connection.execute("create schema media_pipeline")
    stock = ["--no-config-file", "--database", "postgresql+psycopg://?schema=media_pipeline"]
    yoyo("apply", "--batch", "--revision", IDS[1], *stock, str(MIGRATIONS))
    with connect(empty_database) as connection:
        # A run of yoyo that was killed leaves its lock like this.
        connection.execute("insert into media_pipeline.yoyo_lock values (1, now(), 4711)")

    assert [migration.sha256 for migration in migrate.status()] == [None] * len(IDS)
    assert migrate.apply() == IDS[2:]
    assert all(migration.sha256 for migration in migrate.status())
    (folder / f"{IDS[0]}.sql").write_text("select 1")
    with pytest.raises(MigrationError, match=f"{IDS[0]} was edited"):
        migrate.apply(folder)


def test_marks_that_a_crash_lost_are_made_again(database: dict[str, str]) -> None:
    before = schema_dump(database)
    with connect(database) as connection:
        connection.execute("delete from media_pipeline._yoyo_migration")

    assert migrate.apply() == IDS
    assert schema_dump(database) == before
