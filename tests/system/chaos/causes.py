"""Why the provider was paid more than once for a file."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.system.chaos.fleet import Worker
    from tests.system.chaos.storm import Storm

# A worker writes an answer at most that many seconds after it has come, also on a busy machine.
SECONDS_TO_WRITE = 2.0

# A worker notices at the next renewal that its claim was deleted; the renewal takes this long.
SECONDS_TO_RENEW = 0.5

# A worker that is frozen just after it has confirmed its claim calls this soon after it thaws.
SECONDS_TO_SEND = 0.5


@dataclass(frozen=True)
class Call:
    """A call that the provider answered; times in seconds since 1970."""

    file: int
    key: str
    began: float
    ended: float
    outcome: str


def causes_of_repeats(paid: Sequence[Call], storm: Storm) -> Iterator[str]:
    """Yield why each repeated call was paid for again: what hit the call before it, or ""."""
    workers = {worker.key: worker for worker in storm.fleet.workers}
    calls_by_file: defaultdict[int, list[Call]] = defaultdict(list)
    for call in sorted(paid, key=lambda call: call.began):
        calls_by_file[call.file].append(call)
    for calls in calls_by_file.values():
        for before, again in pairwise(calls):
            yield _cause(before, again, workers, storm)


def _cause(before: Call, again: Call, workers: Mapping[str, Worker], storm: Storm) -> str:
    """Name what happened during a call, or while its answer was on its way to the table."""
    worker, last_renewal = workers[before.key], storm.options.claim_ttl / 3 + SECONDS_TO_RENEW

    def hit(since: float, until: float | None = None) -> bool:
        return since < before.ended + SECONDS_TO_WRITE and (until or since) > before.began

    deleted = storm.claims_deleted
    causes = {
        "worker killed": worker.killed_at is not None and hit(worker.killed_at),
        "worker frozen": any(hit(*freeze) for freeze in worker.freezes),
        "server away": any(hit(*outage) for outage in storm.outages),
        "tables truncated": any(
            before.began - SECONDS_TO_WRITE < moment < again.ended for moment in storm.truncated_at
        ),
        "database refused": any(hit(*refusal) for refusal in storm.refusals),
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
