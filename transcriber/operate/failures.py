"""What operators ask of the queue and do to it: plain functions over a connection."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row

from transcriber.core.errors import (
    DatabaseUnavailableError,
    SchemaMissingError,
    TranscriberError,
    one_line,
)
from transcriber.core.masking import masked
from transcriber.db.queries import query

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from psycopg.rows import DictRow

    Connection = psycopg.Connection[DictRow]


@dataclass(frozen=True)
class Choice:
    """Which failures are meant: those that meet everything that is given."""

    statuses: list[str] | None = None
    error: str | None = None  # part of what was recorded, in any case
    campaign: str | None = None
    audio_file_ids: list[int] | None = None


@dataclass(frozen=True)
class Failure:
    """Why a file is not transcribed; `next_try_at` is None for "never" and for "now"."""

    audio_file_id: int
    status: str | None
    code: int | None
    attempts: int
    last_attempt_at: datetime
    next_try_at: datetime | None
    is_claimed: bool
    reason: str | None


@dataclass(frozen=True)
class Reason:
    """Files that failed alike."""

    status: str | None
    code: int | None
    reason: str | None
    files: int


@dataclass(frozen=True)
class Released:
    """A worker that lost claims."""

    worker: str
    files: int


@dataclass(frozen=True)
class Pause:
    """A provider that no worker asks until somebody resumes it."""

    provider: str
    reason: str | None
    paused_by: str
    paused_at: datetime


@contextmanager
def connect() -> Iterator[Connection]:
    """Connect to the database that PG* names; end what PostgreSQL refuses as one line."""
    try:
        connection = psycopg.connect(autocommit=True, row_factory=dict_row)
    except psycopg.OperationalError as error:
        raise DatabaseUnavailableError.because(error) from error
    with connection:
        try:
            yield connection
        except psycopg.errors.UndefinedTable as error:
            raise SchemaMissingError from error
        except (psycopg.Error, UnicodeEncodeError) as error:
            if connection.broken:
                raise DatabaseUnavailableError.because(error) from error
            raise TranscriberError(f"PostgreSQL refused this: {one_line(error)}") from error


def failures(connection: Connection, choice: Choice, *, limit: int | None = None) -> list[Failure]:
    """Return the newest failures, all of them without a limit."""
    rows = fetch(connection, "operate/failures", {**vars(choice), "limit": limit})
    return [
        Failure(code=row.pop("error_code"), reason=masked(row.pop("error")), **row) for row in rows
    ]


def count_reasons(connection: Connection, choice: Choice) -> list[Reason]:
    """Count failures by status, code and reason, the most frequent first."""
    return reasons_of(fetch(connection, "operate/failure_reasons", vars(choice)))


def reasons_of(rows: Sequence[DictRow]) -> list[Reason]:
    """Add up what is the same once it is masked."""
    counts: Counter[tuple[str | None, int | None, str | None]] = Counter()
    for row in rows:
        counts[row["status"], row["error_code"], masked(row["error"])] += row["files"]
    return [Reason(*key, files) for key, files in counts.most_common()]


def retry(connection: Connection, chosen: Sequence[Failure]) -> int:
    """Put these files back into the queue, but for those with a worker; return how many."""
    parameters = {
        "audio_file_ids": [failure.audio_file_id for failure in chosen],
        "last_attempts": [failure.last_attempt_at for failure in chosen],
    }
    with connection.transaction():
        # a statement of its own: the next one has to see what ended while this one waited
        fetch(connection, "operate/lock_transcriptions", parameters)
        return int(fetch(connection, "operate/retry", parameters)[0]["retried"])


def release(
    connection: Connection, *, expired: bool, worker: str | None, dry_run: bool
) -> list[Released]:
    """Take away claims that expired, or a worker's; return who lost how many."""
    with connection.transaction(force_rollback=dry_run):
        rows = fetch(
            connection, "operate/release_claims", {"only_expired": expired, "worker": worker}
        )
    return [Released(**row) for row in rows]


def resume(connection: Connection, provider: str, *, dry_run: bool) -> Pause | None:
    """Lift a provider's pause; return what it was, None where there was none."""
    with connection.transaction(force_rollback=dry_run):
        rows = fetch(connection, "operate/resume_provider", {"provider": provider})
    return pause_of(rows[0]) if rows else None


def pause_of(row: DictRow) -> Pause:
    """Make a pause of its row."""
    return Pause(**{**row, "reason": masked(row["reason"])})


def fetch(
    connection: Connection, name: str, parameters: Mapping[str, Any] | None = None
) -> list[DictRow]:
    """Run a query of `queries` and return its rows."""
    return connection.execute(query(name), parameters).fetchall()
