"""Migrations that several processes apply at once, and that a kill interrupts."""

from __future__ import annotations

import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support import REPOSITORY
from tests.support.database.handover import statement
from tests.support.database.migrations import (
    COMMAND,
    IDS,
    connect,
    keep_only,
    rows,
    transcriber_migrate,
)
from tests.support.wait import until
from transcriber.db import migrate
from transcriber.db.queries import query

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ADVISORY_LOCKS = """
    select from pg_locks
    inner join pg_database on pg_locks.database = pg_database.oid
    where pg_locks.locktype = 'advisory' and pg_database.datname = current_database()
"""


def test_eight_at_once_apply_each_migration_once(empty_database: dict[str, str]) -> None:
    runs = [
        subprocess.Popen(
            COMMAND, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(8)
    ]
    results = [(*run.communicate(timeout=120), run.returncode) for run in runs]

    nothing = ("nothing to apply\n", "", 0)
    assert sorted(results) == sorted([("\n".join([*IDS, ""]), "", 0), *[nothing] * 7])
    log = "select migration_id, operation from media_pipeline._yoyo_log order by 1"
    assert rows(empty_database, log) == [(migration_id, "apply") for migration_id in IDS]


def test_a_run_that_waits_too_long_names_who_holds_the_lock(
    empty_database: dict[str, str],
) -> None:
    with connect(empty_database) as other:
        other.execute(query("db/try_migration_lock"))
        done = transcriber_migrate("--lock-timeout", "0.2")
        holder = other.info.backend_pid

    assert done.returncode == 2
    assert f"another migration is running (server process {holder}): wait for it" in done.stderr
    assert migrate.apply() == IDS


@contextmanager
def blocked_and_killed(database: dict[str, str], blocking: str, blocked: str) -> Iterator[None]:
    """Kill a run in the middle of a statement, while `blocking` goes on holding its lock."""
    waiting = "select query from pg_stat_activity where wait_event_type = 'Lock'"
    with connect(database) as holder, holder.transaction():
        holder.execute(blocking)
        with subprocess.Popen(COMMAND, cwd=REPOSITORY) as run:
            until(lambda: blocked in str(rows(database, waiting)).lower())
            run.send_signal(signal.SIGKILL)
        yield


def test_a_run_killed_in_a_transaction_is_repeated(empty_database: dict[str, str]) -> None:
    with connect(empty_database) as connection:
        connection.execute(statement("tables"))
    lock = "lock table media_pipeline.transcriptions in access share mode"

    with blocked_and_killed(empty_database, lock, "add column"):
        # This run starts while the statement of the killed one may still wait in the server.
        second = subprocess.Popen(COMMAND, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    out, _ = second.communicate(timeout=60)

    assert (second.returncode, out.splitlines()) == (0, IDS)


def test_an_index_that_a_killed_run_left_invalid_is_built_anew(
    empty_database: dict[str, str], folder: Path
) -> None:
    keep_only(folder, 3)
    migrate.apply(folder)
    write = "lock table media_pipeline.transcriptions in row exclusive mode"
    invalid = "select indexrelid::regclass::text from pg_index where not indisvalid"

    with blocked_and_killed(empty_database, write, "create index"):
        # The server notices within a second that its client is gone.
        until(lambda: not rows(empty_database, ADVISORY_LOCKS))
        assert rows(empty_database, invalid) == [("media_pipeline.ix_transcriptions_queue",)]

    assert migrate.apply() == IDS[3:]
    assert rows(empty_database, invalid) == []
    valid = "select count(*) from pg_index where indexrelid::regclass::text ~ 'ions_queue$'"
    assert rows(empty_database, valid) == [(1,)]
