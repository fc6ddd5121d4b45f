"""The account of a storm: what became of every file, and which calls were paid for twice."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support.database.catalogue import CLAIMS, one
from tests.system.chaos.causes import Call, causes_of_repeats

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from psycopg import Connection

    from tests.system.chaos.fleet import Worker
    from tests.system.chaos.storm import Storm

FILES = """
    select
        coalesce(transcriptions.status, 'no row'),
        failures.status,
        failures.error,
        count(*)
    from media_pipeline.audio_files
    left join media_pipeline.transcriptions on audio_files.id = transcriptions.audio_file_id
    left join media_pipeline.transcription_failures as failures
        on audio_files.id = failures.audio_file_id
    group by 1, 2, 3
    order by 4 desc
"""
WRITTEN_TWICE = """
    select count(*) from (
        select from chaos.completions group by audio_file_id having count(*) > 1
    ) as files
"""
# The words of the recording 7.mp3 are "file 7".
MIXED_UP = """
    select count(*) from media_pipeline.transcriptions
    inner join media_pipeline.audio_files on audio_files.id = transcriptions.audio_file_id
    where
        transcriptions.status = 'completed'
        and transcript_text is distinct from 'file ' || substring(url from '(\\d+)[.]mp3')
"""
TAKE_OVER = """
    select extract(epoch from max(claims.first_at))::float - %(killed_at)s
    from (
        select min(claimed_at) as first_at from chaos.claims
        where audio_file_id = any(%(files)s) and claimed_at > to_timestamp(%(killed_at)s)
        group by audio_file_id
    ) as claims
"""


@dataclass(frozen=True)
class Kill:
    """The end of a worker, and the files that it had claimed."""

    at: float
    files: list[int]


@dataclass(frozen=True)
class Accounts:
    """Rows of a name and a number, and the problems among them."""

    rows: list[tuple[str, Any]]
    problems: list[str]

    def lines(self) -> Iterator[str]:
        """Yield the lines of the account."""
        for what, value in self.rows:
            number = f"{value:,}" if isinstance(value, int) else str(value)
            yield f"{what:<58}{number:>12}"
        yield from (f"WRONG: {problem}" for problem in self.problems)


def balance(storm: Storm, calls_file: Path, connection: Connection) -> Accounts:
    """Count what became of the files, the calls and the workers."""
    options, fleet = storm.options, storm.fleet
    calls = [Call(**json.loads(line)) for line in calls_file.read_text().splitlines()]
    paid = [call for call in calls if call.outcome == "success"]
    causes = Counter(causes_of_repeats(paid, storm))
    files = connection.execute(FILES).fetchall()
    completed = sum(number for status, failure, _, number in files if _is_done(status, failure))
    reasons = {
        error: number for _, failure, error, number in files if failure == "permanent" and error
    }
    freezes = sum(len(worker.freezes) for worker in fleet.workers)
    begun_anew = causes.pop("tables truncated", 0)
    # While PostgreSQL lacks a right, workers end and others begin, so that each slot is hit again.
    wide = len(storm.outages) + len(storm.claims_deleted) + 4 * len(storm.refusals)
    bound = (len(storm.kills) + freezes + wide * options.workers) * options.concurrency
    must_be_none = {
        "files without an end": options.jobs - completed - sum(reasons.values()),
        "files written as completed more than once": one(connection, WRITTEN_TWICE),
        "transcripts of another file": one(connection, MIXED_UP),
        "failed for good by an outage": sum(n for why, n in reasons.items() if "HTTP 5" in why),
        "claims left": one(connection, CLAIMS),
        "calls repeated without a cause": causes.pop("", 0),
        "workers that ended by themselves": _odd_ends(storm),
    }
    rows = [
        ("seconds", round(time.time() - storm.began)),
        ("files", options.jobs),
        ("  completed", completed),
        *((f"  failed for good: {reason}", number) for reason, number in reasons.items()),
        *must_be_none.items(),
        ("provider calls", len(calls)),
        *((f"  {mood}", n) for mood, n in Counter(call.outcome for call in calls).most_common()),
        ("calls paid for again, of files in flight", causes.total()),
        *((f"  {cause}", number) for cause, number in causes.most_common()),
        ("  at most (slots that were hit)", bound),
        ("calls paid for again because tables were truncated", begun_anew),
        ("workers started", len(fleet.workers)),
        ("  killed", len(storm.kills)),
        ("  frozen", freezes),
        ("server restarts", len(storm.outages)),
        ("claims deleted by hand, times", len(storm.claims_deleted)),
        ("tables truncated, times", len(storm.truncated_at)),
        ("SQLSTATEs refused for a while", len(storm.refusals)),
        *storm.counts.items(),
        *_log_events(fleet.workers).items(),
        *_take_overs(storm, connection),
    ]
    problems = [f"{what}: {number}" for what, number in must_be_none.items() if number]
    if causes.total() > bound:
        problems.append(f"{causes.total()} calls paid for again, at most {bound} expected")
    return Accounts(rows, problems)


def _is_done(status: str, failure: str | None) -> bool:
    # A transient failure may stand beside a transcript until its cooldown is over.
    return status == "completed" and failure != "permanent"


def _odd_ends(storm: Storm) -> int:
    """Count the workers that ended by themselves, except those that lacked a server or a right."""
    number = 0
    for key, code, last_line in storm.fleet.odd_ends():
        if code == 2 and ("Cannot connect" in last_line or "a storm. Grant it" in last_line):
            continue
        number += 1
        print(f"{key} ended with {code}: {last_line}")
    return number


def _log_events(workers: Sequence[Worker]) -> dict[str, int]:
    """Count the events in the workers' logs that no table shows."""
    events: Counter[str] = Counter()
    for worker in workers:
        for line in worker.log.read_text().splitlines():
            if line.startswith('{"time"'):
                events[json.loads(line)["event"]] += 1
    return {"results and files given up as lost": events["lost"]}


def _take_overs(storm: Storm, connection: Connection) -> Iterator[tuple[str, str]]:
    """Yield how long after a kill its last file was taken over, beyond the TTL."""
    seconds = [
        row[0]
        for kill in storm.kills
        for row in connection.execute(TAKE_OVER, {"killed_at": kill.at, "files": kill.files})
        if row[0] is not None
    ]
    beyond = sorted(each - storm.options.claim_ttl for each in seconds)
    if beyond:
        yield "take-over after a kill, median: TTL +", f"{beyond[len(beyond) // 2]:.1f} s"
        yield "take-over after a kill, longest: TTL +", f"{beyond[-1]:.1f} s"
