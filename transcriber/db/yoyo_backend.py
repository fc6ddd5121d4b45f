"""A backend for yoyo that survives kills and concurrent runs, and works on an empty database.

yoyo's own backend hashes only the names of files, guards a run by a row that stays in the table if
the run is killed, and needs the schema for its bookkeeping before the first migration creates that
schema. yoyo.ini names this backend as `media-pipeline://`, so that plain `yoyo apply` is as safe as
`transcriber migrate`.
"""

from __future__ import annotations

import contextlib
import getpass
import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend

from transcriber.core.errors import DatabaseUnavailableError, MigrationError
from transcriber.db.migration import Migration, refuse_faults, sha256_of
from transcriber.db.queries import query

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yoyo.connections import DatabaseURI
    from yoyo.migrations import Migration as YoyoMigration
    from yoyo.migrations import MigrationList

LOCK_SECONDS = 60.0

# yoyo logs the errors that it also raises; without a handler Python would print them twice.
logging.getLogger("yoyo").addHandler(logging.NullHandler())


class Backend(PostgresqlPsycopgBackend):  # type: ignore[misc]  # yoyo has no types
    """yoyo's backend for psycopg 3; libpq's PG* variables name the database, not the URI."""

    _is_locked: bool = False

    def connect(self, dburi: DatabaseURI) -> psycopg.Connection:
        try:
            connection: psycopg.Connection = super().connect(dburi)
        except psycopg.OperationalError as error:
            raise DatabaseUnavailableError.because(error) from error
        _refuse_pooler(connection)
        return connection

    def init_connection(self, connection: psycopg.Connection) -> None:
        connection.execute("set search_path = media_pipeline")
        # PostgreSQL then ends the statement of a killed run within this time. PostgreSQL 13 and
        # servers on Windows do not have the setting.
        with contextlib.suppress(psycopg.Error):
            connection.execute("set client_connection_check_interval = '1s'")

    def init_database(self) -> None:
        """Leave out yoyo's table of locks, and its test whether PostgreSQL rolls DDL back."""

    def copy(self) -> contextlib.AbstractContextManager[Backend]:
        """Migrate on the connection that holds the lock, so that both end together."""
        return contextlib.nullcontext(self)

    @contextlib.contextmanager
    def lock(self, timeout: float = LOCK_SECONDS) -> Iterator[None]:
        """Let no other run migrate until the block ends, and create yoyo's own tables."""
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
            # If the connection is lost, PostgreSQL has released the lock already.
            with contextlib.suppress(psycopg.Error):
                self.connection.execute("select pg_advisory_unlock_all()")

    def _wait_for_lock(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        # Poll, because a statement that waits for the lock would hold a snapshot, and the run that
        # holds the lock waits for all snapshots in `create index concurrently`.
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
        """Do nothing, because PostgreSQL releases the lock when its connection ends."""

    def applied(self, directory: Path) -> list[Migration]:
        """Return the applied migrations in order; also on a database that has no schema yet."""
        if self.connection.execute(query("db/has_bookkeeping")).fetchone() == (False,):
            return []
        return [
            Migration(migration_id, directory / f"{migration_id}.sql", applied_at, sha256)
            for migration_id, applied_at, sha256 in self.execute(query("db/applied_migrations"))
        ]

    def to_apply(self, migrations: MigrationList) -> MigrationList:
        """Return the pending migrations, or raise if an applied file was edited or is missing."""
        self._check_encoding()
        if migrations:
            applied = self.applied(Path(migrations[0].path).parent)
            refuse_faults(applied)
            for migration in applied:
                if migration.sha256 is None:  # yoyo applied it without this backend.
                    self._record_sha256(migration)
        return super().to_apply(migrations)

    def rehearse_rollback(self, migration: YoyoMigration) -> None:
        """Roll a migration back in the caller's transaction, which is undone."""
        script = Path(migration.path).with_suffix(".rollback.sql")
        text = script.read_text() if script.exists() else ""
        # Outside of a transaction only indexes are dropped, and nothing refuses that.
        if "-- transactional: false" not in text:
            self.connection.execute(text)

    def _check_encoding(self) -> None:
        """Refuse a database whose encoding lacks characters that people say."""
        encoding = self.connection.execute("show server_encoding").fetchone()[0]
        if encoding != "UTF8":
            raise MigrationError(
                f"the database's encoding is {encoding}, which cannot store every transcript:"
                " create a database with encoding 'UTF8'"
            )

    def mark_one(self, migration: YoyoMigration, *arguments: bool, **options: bool) -> None:
        """Record also with which content the migration was applied."""
        super().mark_one(migration, *arguments, **options)
        self._record_sha256(migration)

    def _record_sha256(self, migration: Migration | YoyoMigration) -> None:
        self.connection.execute(
            query("db/record_migration_sha256"),
            {"migration_id": migration.id, "sha256": sha256_of(Path(migration.path))},
        )

    def get_log_data(
        self, migration: YoyoMigration | None = None, operation: str = "apply"
    ) -> dict[str, object]:
        """Return the row of yoyo's log, also in a container whose user id has no name."""
        try:
            getpass.getuser()
        except (KeyError, OSError):  # Python 3.12 and older raise KeyError, 3.13 OSError.
            os.environ["LOGNAME"] = str(os.getuid())
        data: dict[str, object] = super().get_log_data(migration, operation)
        return data


def _refuse_pooler(connection: psycopg.Connection) -> None:
    """Raise where a pooler answers: its sessions change hands, and the lock would stay in one."""
    with connection.transaction():
        row = connection.execute("select pg_backend_pid()").fetchone()
    if row != (connection.info.backend_pid,):
        connection.close()
        raise MigrationError(
            "this is a connection pooler, where the lock of a migration does not hold:"
            " set PGHOST and PGPORT to PostgreSQL itself"
        )
