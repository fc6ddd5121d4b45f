"""The accounts after a storm: what became of every file, and what was paid for more than once."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
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
# recording 7.mp3 says "file 7"
MIXED_UP = """
    select count(*) from media_pipeline.transcriptions
    inner join media_pipeline.audio_files on audio_files.id = transcriptions.audio_file_id
    where
        transcriptions.status = 'completed'
        and transcript_text is distinct from 'file ' || substring(url from '(\\d+)[.]mp3')
"""
CLAIMS_LEFT = "select count(*) from media_pipeline.transcription_claims"
TAKE_OVER = """
    select extract(epoch from max(claims.first_at))::float - %(killed_at)s
    from (
        select min(claimed_at) as first_at from chaos.claims
        where audio_file_id = any(%(files)s) and claimed_at > to_timestamp(%(killed_at)s)
        group by audio_file_id
    ) as claims
"""

# an answer that has come is written after that many seconds at the latest, unless something is
# wrong; on a busy machine
SECONDS_TO_WRITE = 2.0

# a claim that was deleted is missed at the next renewal
SECONDS_TO_RENEW = 0.5

# a worker that is frozen when it has just made sure of its claim calls as soon as it thaws
SECONDS_TO_SEND = 0.5


@dataclass(frozen=True)
class Kill:
    """A worker's end, and the files that it had claimed."""

    at: float
    files: list[int]


@dataclass(frozen=True)
class Call:
    """A call that the provider answered; times in seconds since 1970."""

    file: int
    key: str
    began: float
    ended: float
    outcome: str


@dataclass(frozen=True)
class Accounts:
    """A table of (what, how many), and what must not be."""

    rows: list[tuple[str, Any]]
    problems: list[str]

    def lines(self) -> Iterator[str]:
        """Yield the table."""
        for what, value in self.rows:
            number = f"{value:,}" if isinstance(value, int) else str(value)
            yield f"{what:<58}{number:>12}"
        yield from (f"WRONG: {problem}" for problem in self.problems)


def balance(storm: Storm, calls_file: Path, connection: Connection) -> Accounts:
    """Draw up the accounts."""
    options, fleet = storm.options, storm.fleet
    calls = [Call(**json.loads(line)) for line in calls_file.read_text().splitlines()]
    paid = [call for call in calls if call.outcome == "success"]
    causes = Counter(_repeats(paid, storm))
    files = connection.execute(FILES).fetchall()
    completed = sum(number for status, failure, _, number in files if _is_done(status, failure))
    reasons = {
        error: number for _, failure, error, number in files if failure == "permanent" and error
    }
    freezes = sum(len(worker.freezes) for worker in fleet.workers)
    wide = len(storm.outages) + len(storm.claims_deleted)
    bound = (len(storm.kills) + freezes + wide * options.workers) * options.concurrency
    must_be_none = {
        "files without an end": options.jobs - completed - sum(reasons.values()),
        "files written as completed more than once": _one(connection, WRITTEN_TWICE),
        "transcripts of another file": _one(connection, MIXED_UP),
        "claims left": _one(connection, CLAIMS_LEFT),
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
        ("workers started", len(fleet.workers)),
        ("  killed", len(storm.kills)),
        ("  frozen", freezes),
        ("server restarts", len(storm.outages)),
        ("claims deleted by hand, times", len(storm.claims_deleted)),
        *storm.counts.items(),
        *_log_events(fleet.workers).items(),
        *_take_overs(storm, connection),
    ]
    problems = [f"{what}: {number}" for what, number in must_be_none.items() if number]
    if causes.total() > bound:
        problems.append(f"{causes.total()} calls paid for again, at most {bound} expected")
    return Accounts(rows, problems)


def _is_done(status: str, failure: str | None) -> bool:
    # a transient failure may stand beside a transcript until its cooldown is over
    return status == "completed" and failure != "permanent"


def _one(connection: Connection, statement: str) -> int:
    ((number,),) = connection.execute(statement.encode()).fetchall()
    return int(number)


def _repeats(paid: Sequence[Call], storm: Storm) -> Iterator[str]:
    """Yield, for every call paid for again, what had hit the call before it; "" for nothing."""
    workers = {worker.key: worker for worker in storm.fleet.workers}
    calls_by_file: defaultdict[int, list[Call]] = defaultdict(list)
    for call in sorted(paid, key=lambda call: call.began):
        calls_by_file[call.file].append(call)
    for calls in calls_by_file.values():
        for before, again in pairwise(calls):
            yield _cause(before, again, workers, storm)


def _cause(before: Call, again: Call, workers: Mapping[str, Worker], storm: Storm) -> str:
    """Name what happened while a call, or its answer on the way to the table, was in flight."""
    worker, last_renewal = workers[before.key], storm.options.claim_ttl / 3 + SECONDS_TO_RENEW

    def hit(since: float, until: float | None = None) -> bool:
        return since < before.ended + SECONDS_TO_WRITE and (until or since) > before.began

    deleted = storm.claims_deleted
    causes = {
        "worker killed": worker.killed_at is not None and hit(worker.killed_at),
        "worker frozen": any(hit(*freeze) for freeze in worker.freezes),
        "server away": any(hit(*outage) for outage in storm.outages),
        "claims deleted by hand": any(map(hit, deleted)),
        "claims deleted by hand, just before the call": any(
            hit(moment + last_renewal) for moment in deleted
        ),
        "worker frozen, between confirming and calling": any(
            until < call.began < until + SECONDS_TO_SEND
            for call in (before, again)
            for _, until in workers[call.key].freezes
        ),
    }
    for cause, applies in causes.items():
        if applies:
            return cause
    print(f"without a cause: {before} {again} {worker}")
    return ""


def _odd_ends(storm: Storm) -> int:
    """Count workers that ended by themselves, unless they found no server when they started."""
    number = 0
    for key, code, last_line in storm.fleet.odd_ends():
        if code == 2 and "Cannot connect" in last_line:
            continue
        number += 1
        print(f"{key} ended with {code}: {last_line}")
    return number


def _log_events(workers: Sequence[Worker]) -> dict[str, int]:
    """Count what the workers told, but for what stands in the tables."""
    events: Counter[str] = Counter()
    for worker in workers:
        for line in worker.log.read_text().splitlines():
            if line.startswith('{"time"'):
                events[json.loads(line)["event"]] += 1
    return {"results and files given up as lost": events["lost"]}


def _take_overs(storm: Storm, connection: Connection) -> Iterator[tuple[str, str]]:
    """Yield the longest time from a kill to the last claim's take-over, beyond the TTL."""
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
