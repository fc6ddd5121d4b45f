"""Where the queue stands: files by state, workers, speed and when it will be empty."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from psycopg import IsolationLevel

from transcriber.operate.failures import Pause, Reason, fetch, pause_of, reasons_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from psycopg.rows import DictRow

    from transcriber.operate.failures import Connection

RATE_SECONDS = 600
REASONS = 10


@dataclass(frozen=True)
class Files:
    """Every file of the catalogue, in one state each."""

    total: int
    not_queued: int  # the next run queues them
    pending: int
    claimed: int
    cooling_down: int
    failed: int
    completed: int
    other: int  # a status that only somebody else's program knows

    @property
    def to_do(self) -> int:
        """Return how many files can still become transcripts without a person."""
        return self.not_queued + self.pending + self.claimed + self.cooling_down


@dataclass(frozen=True)
class Worker:
    """Who holds claims; `expires_at` is the earliest, None for claims that never end."""

    worker: str
    files: int
    expired_files: int
    expires_at: datetime | None


@dataclass(frozen=True)
class Rate:
    """What was done in the last `seconds`, by the hour."""

    seconds: int
    files_per_hour: float
    audio_hours_per_hour: float


@dataclass(frozen=True)
class Status:
    """Hours of audio are those that are known; `eta` is None while nothing is done."""

    at: datetime
    files: Files
    next_try_at: datetime | None
    audio_hours_done: float
    audio_hours_left: float
    rate: Rate
    eta: datetime | None
    failed_by_reason: list[Reason]
    workers: list[Worker]
    paused_providers: list[Pause]


def read_status(connection: Connection) -> Status:
    """Read it all from one snapshot, so that the numbers add up."""
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    connection.execute("set jit = off")  # compiling costs more than it saves here
    with connection.transaction():
        finished = fetch(connection, "operate/status_finished_files", {"seconds": RATE_SECONDS})
        open_files = fetch(connection, "operate/status_queued_files")
        open_files += _new_files(connection, sum(row["files"] for row in finished + open_files))
        workers = [Worker(**row) for row in fetch(connection, "operate/claim_holders")]
        pauses = [pause_of(row) for row in fetch(connection, "operate/paused_providers")]
    now = datetime.now(UTC)
    files = _count(open_files, finished)
    rate = _rate(finished)
    failed = [row | {"status": "permanent"} for row in open_files if row["state"] == "failed"]
    left = [row["audio_seconds"] for row in open_files if row["state"] != "failed"]
    return Status(
        at=now,
        files=files,
        next_try_at=min(filter(None, (row["next_try_at"] for row in open_files)), default=None),
        audio_hours_done=_hours(row["audio_seconds"] for row in finished),
        audio_hours_left=_hours(left),
        rate=rate,
        eta=_eta(now, files, rate),
        failed_by_reason=reasons_of(failed)[:REASONS],
        workers=workers,
        paused_providers=pauses,
    )


def _new_files(connection: Connection, queued: int) -> list[DictRow]:
    """Return what is not queued yet: nothing, the newest ids, or else a look at every id."""
    (catalogue,) = fetch(connection, "operate/status_catalogue")
    missing = catalogue["files"] - queued
    for after_id in (catalogue["last_queued_id"], 0) if missing else ():
        (new,) = fetch(connection, "operate/status_new_files", {"after_id": after_id})
        if new["files"] == missing:
            return [new | {"state": "not_queued", "next_try_at": None}]
    return []


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
    """Add up what is known; NaN and infinity are what somebody wrote by hand."""
    known = (each for each in seconds if each is not None and math.isfinite(each))
    return round(sum(known) / 3600, 2)


def _eta(now: datetime, files: Files, rate: Rate) -> datetime | None:
    if not files.to_do or not rate.files_per_hour:
        return None
    return now + timedelta(hours=files.to_do / rate.files_per_hour)
