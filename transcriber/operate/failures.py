"""Failures: list the files that failed and the reasons, and put files back into the queue."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from transcriber.core.masking import masked
from transcriber.db.connect import fetch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from transcriber.db.connect import Connection


@dataclass(frozen=True)
class FailureFilter:
    """Which failures are meant: those that match every field that is not None."""

    statuses: list[str] | None = None
    error: str | None = None  # A part of the recorded reason, in upper or lower case.
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
    """How many files failed with the same status, code and reason."""

    status: str | None
    code: int | None
    reason: str | None
    files: int


def read_failures(
    connection: Connection, chosen: FailureFilter, *, limit: int | None = None
) -> list[Failure]:
    """Return the newest failures, or all of them if there is no limit."""
    rows = fetch(connection, "operate/failures", {**vars(chosen), "limit": limit})
    return [
        Failure(code=row.pop("error_code"), reason=masked(row.pop("error")), **row) for row in rows
    ]


def count_reasons(connection: Connection, chosen: FailureFilter) -> list[Reason]:
    """Count failures by status, code and reason, the most frequent first."""
    counts: Counter[tuple[str | None, int | None, str | None]] = Counter()
    for row in fetch(connection, "operate/failure_reasons", vars(chosen)):
        # Masking makes some of the recorded errors equal.
        counts[row["status"], row["error_code"], masked(row["error"])] += row["files"]
    return [Reason(*key, files) for key, files in counts.most_common()]


def retry_failures(connection: Connection, chosen: Sequence[Failure]) -> int:
    """Put files back into the queue, except those that a worker holds; return how many."""
    parameters = {
        "audio_file_ids": [failure.audio_file_id for failure in chosen],
        "last_attempts": [failure.last_attempt_at for failure in chosen],
    }
    with connection.transaction():
        # Lock the files in a statement of its own, because the next statement then takes its
        # snapshot after the wait, and sees what other transactions committed meanwhile.
        fetch(connection, "operate/lock_transcriptions", parameters)
        return int(fetch(connection, "operate/retry", parameters)[0]["retried"])
