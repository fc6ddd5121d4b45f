"""A yoyo backend that may be killed, raced and run on an empty database.

yoyo by itself hashes file names only, guards a run by a row that a killed run leaves behind, and
needs its bookkeeping's schema before its first migration can create it. yoyo.ini names this one
as `media-pipeline://`, so that plain `yoyo apply` and `transcriber migrate` are equally safe.
"""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend

from transcriber.core.errors import DatabaseUnavailableError, MigrationError
from transcriber.db.queries import query

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

LOCK_SECONDS = 60.0

# errors reach the caller as exceptions; without a handler Python prints them a second time
logging.getLogger("yoyo").addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Migration:
    """A migration's file, and what the database knows of it."""

    id: str
    path: Path
    applied_at: datetime | None = None  # in UTC, without saying so
    sha256: str | None = None

    @property
    def fault(self) -> str | None:
        """Say why nothing may be applied after this one, if so."""
        if self.applied_at is None:
            return None
        if not self.path.exists():
            return (
                f"migration {self.id} was applied, but is missing in {self.path.parent}:"
                " restore the file, or use the release of transcriber that has it"
            )
        if self.sha256 not in (None, _sha256(self.path)):
            return (
                f"migration {self.id} was edited after it had been applied:"
                " restore the file, and write the change as a new migration"
            )
        return None

    def describe(self) -> str:
        """Return a line for a list."""
        if self.applied_at is None:
            return f"{self.id}  pending"
        line = f"{self.id}  applied {self.applied_at:%Y-%m-%d %H:%M:%S} UTC"
        return f"{line}  ({self.fault})" if self.fault else line


def refuse_faults(migrations: list[Migration]) -> None:
    """Raise an error that names every applied migration that was edited or is missing."""
    if faults := [migration.fault for migration in migrations if migration.fault]:
        raise MigrationError("; ".join(faults))


class Backend(PostgresqlPsycopgBackend):  # type: ignore[misc]  # yoyo has no types
    """yoyo's psycopg 3 backend; the URI names no database, since libpq's PG* do."""

    _is_locked: bool = False

    def connect(self, dburi: Any) -> Any:  # noqa: ANN401 (yoyo's own signatures, here and below)
        try:
            return super().connect(dburi)
        except psycopg.OperationalError as error:
            raise DatabaseUnavailableError.because(error) from error

    def init_connection(self, connection: Any) -> None:  # noqa: ANN401
        connection.execute("set search_path = media_pipeline")
        # the server ends a killed run's statement within this time; not on 13, nor on Windows
        with contextlib.suppress(psycopg.Error):
            connection.execute("set client_connection_check_interval = '1s'")

    def init_database(self) -> None:
        """Skip yoyo's lock row, and its trial whether PostgreSQL has transactional DDL."""

    def copy(self) -> Any:  # noqa: ANN401
        """Migrate on the connection that holds the lock, so that they end together."""
        return contextlib.nullcontext(self)

    @contextlib.contextmanager
    def lock(self, timeout: float = LOCK_SECONDS) -> Iterator[None]:
        """Keep other runs out, and have the bookkeeping in place."""
        if self._is_locked:
            yield
            return
        self._wait_for_lock(timeout)
        self._is_locked = True
        try:
            self.connection.execute(query("db/create_bookkeeping_schema"))
            self.ensure_internal_schema_updated()
            self.connection.execute(query("db/create_bookkeeping_sha256"))
            yield
        finally:
            self._is_locked = False
            with contextlib.suppress(psycopg.Error):  # a lost connection has lost the lock, too
                self.connection.execute("select pg_advisory_unlock_all()")

    def _wait_for_lock(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        # polled: a statement that waits holds a snapshot, and `create index concurrently` of the
        # run that holds the lock would wait for that
        while True:
            locked, holder = self.connection.execute(query("db/try_migration_lock")).fetchone()
            if locked:
                return
            if time.monotonic() > deadline:
                raise MigrationError(
                    f"another migration is running (server process {holder}): wait for it,"
                    f" or end it by `select pg_terminate_backend({holder})`"
                )
            time.sleep(0.1)

    def break_lock(self) -> None:
        """Do nothing: the lock ends with its connection."""

    def applied(self, directory: Path) -> list[Migration]:
        """Return what was applied, in order; also where nothing of ours exists yet."""
        exists = "select to_regclass('media_pipeline._yoyo_migration') is not null"
        if self.connection.execute(exists).fetchone() == (False,):
            return []
        return [
            Migration(migration_id, directory / f"{migration_id}.sql", applied_at, sha256)
            for migration_id, applied_at, sha256 in self.execute(query("db/applied_migrations"))
        ]

    def to_apply(self, migrations: Any) -> Any:  # noqa: ANN401
        """Return what is pending, unless an applied file was edited or is missing."""
        if migrations:
            applied = self.applied(Path(migrations[0].path).parent)
            refuse_faults(applied)
            for migration in applied:
                if migration.sha256 is None:  # yoyo was here without this backend
                    self._record_sha256(migration)
        return super().to_apply(migrations)

    def mark_one(self, migration: Any, log: bool = True) -> None:  # noqa: ANN401, FBT001, FBT002
        super().mark_one(migration, log)
        self._record_sha256(migration)

    def _record_sha256(self, migration: Any) -> None:  # noqa: ANN401
        self.connection.execute(
            query("db/record_migration_sha256"),
            {"migration_id": migration.id, "sha256": _sha256(Path(migration.path))},
        )

    def get_log_data(self, migration: Any = None, operation: str = "apply") -> Any:  # noqa: ANN401
        """Say who migrated, also in a container whose user id has no name."""
        try:
            getpass.getuser()
        except (KeyError, OSError):  # the one until Python 3.12, the other since
            os.environ["LOGNAME"] = str(os.getuid())
        return super().get_log_data(migration, operation)


def _sha256(path: Path) -> str:
    """Hash a file as it is in git, also where a checkout gave it Windows' line ends."""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()
