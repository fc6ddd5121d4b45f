"""Migrations: apply the files of migrations/, list them, and roll them back."""

from __future__ import annotations

import contextlib
import glob
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from yoyo import default_migration_table, read_migrations
from yoyo.connections import parse_uri
from yoyo.exceptions import BadMigration
from yoyo.migrations import MigrationList, topological_sort

from transcriber.core.errors import MigrationError, one_line
from transcriber.db.migration import Migration, refuse_faults
from transcriber.db.yoyo_backend import LOCK_SECONDS, Backend

if TYPE_CHECKING:
    from collections.abc import Iterator


def apply(directory: Path | None = None, *, lock_seconds: float = LOCK_SECONDS) -> list[str]:
    """Apply the pending migrations, and return their ids in order."""
    files = _read(directory)
    with _backend() as backend, backend.lock(lock_seconds):
        pending = [*backend.to_apply(files)]
        for migration in pending:
            with _named(f"cannot apply {migration.id}"):
                backend.apply_one(migration)
    return [migration.id for migration in pending]


def rollback(
    migration_id: str, directory: Path | None = None, *, lock_seconds: float = LOCK_SECONDS
) -> list[str]:
    """Roll back a migration and every migration after it; return their ids, newest first."""
    files = _read(directory)
    with _backend() as backend, backend.lock(lock_seconds):
        refuse_faults(backend.applied(_folder(files)))
        newest_first = [*backend.to_rollback(files)]
        # A migration may be named by its number: 0003 stands for 0003.create-try-timestamptz.
        names = [{m.id, m.id.partition(".")[0]} for m in newest_first]
        last = next((place for place, ids in enumerate(names) if migration_id in ids), None)
        if last is None:
            raise MigrationError(f"{migration_id} is not applied: see `transcriber migrate --list`")
        chosen = newest_first[: last + 1]
        # All or nothing: a refusal must come before the first of them is gone.
        with backend.connection.transaction(force_rollback=True):
            for migration in chosen:
                with _named(f"cannot roll back {migration.id}"):
                    backend.rehearse_rollback(migration)
        for migration in chosen:
            with _named(f"cannot roll back {migration.id}"):
                backend.rollback_one(migration)
    return [migration.id for migration in chosen]


def status(directory: Path | None = None) -> list[Migration]:
    """Return all migrations, the applied ones first; change nothing."""
    files = _read(directory)
    with _backend() as backend:
        applied = backend.applied(_folder(files))
    known = {migration.id for migration in applied}
    unknown = topological_sort(file for file in files if file.id not in known)
    return [*applied, *(Migration(file.id, Path(file.path)) for file in unknown)]


def dry_run(directory: Path | None = None) -> list[Migration]:
    """Return the migrations that `apply` would apply, or fail as it would; change nothing."""
    migrations = status(directory)
    refuse_faults(migrations)
    return [migration for migration in migrations if migration.applied_at is None]


@contextlib.contextmanager
def _backend() -> Iterator[Backend]:
    with (
        _named("cannot migrate"),
        contextlib.redirect_stdout(sys.stderr),  # yoyo prints the rows that a select returns.
        Backend(parse_uri("media-pipeline://"), default_migration_table) as backend,
    ):
        yield backend


@contextlib.contextmanager
def _named(step: str) -> Iterator[None]:
    """Turn an error of PostgreSQL or yoyo into one of ours that names the step."""
    try:
        yield
    except (psycopg.Error, BadMigration) as error:
        raise MigrationError(f"{step}: {one_line(error)}") from error


def _read(directory: Path | None) -> MigrationList:
    directory = directory or _default_directory()
    files = read_migrations(glob.escape(str(directory)))
    if not files:
        raise MigrationError(f"no migrations in {directory}: install transcriber again")
    return files


def _folder(files: MigrationList) -> Path:
    return Path(files[0].path).parent


def _default_directory() -> Path:
    """Return the migrations of an installed wheel, or those of a checkout."""
    package = Path(__file__).parents[1]
    packaged = package / "migrations"
    return packaged if packaged.is_dir() else package.parent / "migrations"
