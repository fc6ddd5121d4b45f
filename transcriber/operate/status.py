"""Status: count the files by state, and tell the speed and when the queue will be empty."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from psycopg import IsolationLevel

from transcriber.db.connect import fetch
from transcriber.operate.claims import ClaimHolder, read_claim_holders
from transcriber.operate.failures import FailureFilter, Reason, count_reasons
from transcriber.operate.outages import Outage, read_outages
from transcriber.operate.pauses import Pause, read_pauses

if TYPE_CHECKING:
    from collections.abc import Iterable

    from psycopg.rows import DictRow

    from transcriber.db.connect import Connection

RATE_SECONDS = 600
SHOWN_REASONS = 10


@dataclass(frozen=True)
class Files:
    """How many files of the catalogue are in which state; each file is in one state."""

    total: int
    not_queued: int  # The next run puts these into the queue.
    pending: int
    claimed: int
    cooling_down: int
    failed: int
    completed: int
    other: int  # Another program wrote a status that transcriber does not know.

    @property
    def to_do(self) -> int:
        """Return how many files the workers can still transcribe without a person's help."""
        return self.not_queued + self.pending + self.claimed + self.cooling_down


@dataclass(frozen=True)
class Rate:
    """The speed of the last `seconds`, by the hour."""

    seconds: int
    files_per_hour: float
    audio_hours_per_hour: float


@dataclass(frozen=True)
class Status:
    """The state of the whole pipeline at one moment.

    Files of unknown length add nothing to the hours of audio. `eta` is None if nothing is left to
    do, and also if no file was completed lately.
    """

    at: datetime
    files: Files
    next_try_at: datetime | None
    audio_hours_done: float
    audio_hours_left: float
    rate: Rate
    eta: datetime | None
    failed_by_reason: list[Reason]
    workers: list[ClaimHolder]
    paused_providers: list[Pause]
    services_away: list[Outage]


def read_status(connection: Connection) -> Status:
    """Read everything from one snapshot, so that the numbers add up."""
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    # Compiling these queries takes PostgreSQL longer than it saves.
    connection.execute("set jit = off")
    with connection.transaction():
        finished = fetch(connection, "operate/status_finished_files", {"seconds": RATE_SECONDS})
        open_files = _open_files(connection, sum(row["files"] for row in finished))
        reasons = count_reasons(connection, FailureFilter(statuses=["permanent"]))
        workers = read_claim_holders(connection)
        pauses = read_pauses(connection)
        outages = read_outages(connection)
    now = datetime.now(UTC)
    files = _count(open_files, finished)
    rate = _rate(finished)
    left = [row["audio_seconds"] for row in open_files if row["state"] != "failed"]
    return Status(
        at=now,
        files=files,
        next_try_at=min(filter(None, (row["next_try_at"] for row in open_files)), default=None),
        audio_hours_done=_hours(row["audio_seconds"] for row in finished),
        audio_hours_left=_hours(left),
        rate=rate,
        eta=_eta(now, files, rate),
        failed_by_reason=reasons[:SHOWN_REASONS],
        workers=workers,
        paused_providers=pauses,
        services_away=outages,
    )


def _open_files(connection: Connection, finished: int) -> list[DictRow]:
    """Count the files that still need work, with as little reading as possible.

    Files that are not in the queue yet usually have the newest ids. The size of the catalogue tells
    whether there are others; only then the query looks at every id.
    """
    (catalogue,) = fetch(connection, "operate/status_catalogue")
    for after_id in (catalogue["last_queued_id"], 0):
        open_files = fetch(connection, "operate/status_open_files", {"after_id": after_id})
        if finished + sum(row["files"] for row in open_files) == catalogue["files"]:
            break
    return open_files


def _count(open_files: list[DictRow], finished: list[DictRow]) -> Files:
    states: Counter[str] = Counter()
    for row in open_files:
        states[row["state"]] += row["files"]
    for row in finished:
        states["completed" if row["status"] == "completed" else "other"] += row["files"]
    names = (field.name for field in fields(Files) if field.name != "total")
    return Files(total=states.total(), **{name: states[name] for name in names})


def _rate(finished: list[DictRow]) -> Rate:
    an_hour = 3600 / RATE_SECONDS
    return Rate(
        seconds=RATE_SECONDS,
        files_per_hour=an_hour * sum(row["recent_files"] for row in finished),
        audio_hours_per_hour=_hours(
            an_hour * (row["recent_audio_seconds"] or 0) for row in finished
        ),
    )


def _hours(seconds: Iterable[float | None]) -> float:
    """Add up the known lengths; other programs may have written NaN or infinity."""
    known = (each for each in seconds if each is not None and math.isfinite(each))
    return round(sum(known) / 3600, 2)


def _eta(now: datetime, files: Files, rate: Rate) -> datetime | None:
    if not files.to_do or not rate.files_per_hour:
        return None
    return now + timedelta(hours=files.to_do / rate.files_per_hour)
