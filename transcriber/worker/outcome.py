"""What becomes of a run's files: the events, and their count.

Whoever wants to hear takes the events as a `Listener`. They name files by their id: no phone, URL
or word of a call is in them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from transcriber.queue.statement import Outage

if TYPE_CHECKING:
    from datetime import datetime

    from transcriber.queue.jobs import ServiceOutage


@dataclass(frozen=True)
class Started:
    """A run begins with so many files, and their sound as far as the catalogue knows it."""

    files: int
    audio_seconds: float


@dataclass(frozen=True)
class Completed:
    """A transcript is stored; `cost` is in US dollars where the price is known."""

    audio_file_id: int
    audio_seconds: float
    seconds: float
    cost_usd: float | None


@dataclass(frozen=True)
class Failed:
    """A failure is recorded; `status` is transient or permanent."""

    audio_file_id: int
    status: str
    reason: str


@dataclass(frozen=True)
class Lost:
    """Somebody else claimed, finished or changed the file meanwhile."""

    audio_file_id: int


@dataclass(frozen=True)
class ServiceAway:
    """A recordings' host or the provider is away; its files wait, and nothing counts."""

    service: str
    reason: str
    since: datetime
    next_try_at: datetime

    @classmethod
    def of(cls, outage: ServiceOutage) -> Self:
        """Return the event that tells of an outage."""
        return cls(outage.service, outage.reason, outage.since, outage.next_try_at)


@dataclass(frozen=True)
class ServiceBack:
    """A service that was away has done its part again."""

    service: str


@dataclass(frozen=True)
class Stopping:
    """The run was asked to end, with so many files in flight."""

    files: int


@dataclass(frozen=True)
class LeftOver:
    """The files that no run takes now: failed for good, whenever that was, or cooling down."""

    failed: int = 0
    cooling_down: int = 0


Event = (
    Started | Completed | Failed | Lost | ServiceAway | ServiceBack | Stopping | LeftOver | Outage
)
Listener = Callable[[Event], None]


def tell_all(*listeners: Listener) -> Listener:
    """Return a listener that passes every event on."""

    def tell(event: Event) -> None:
        for listener in listeners:
            listener(event)

    return tell


@dataclass
class Outcome:
    """What became of a run's files; `failed` counts them by status and reason.

    `cost` is in US dollars, for the files whose price is known; `unpriced` counts the others.
    `left_over` is what the database holds at the end of the run.
    """

    completed: int = 0
    lost: int = 0
    failed: Counter[tuple[str, str]] = field(default_factory=Counter)
    audio_seconds: float = 0.0
    cost: float = 0.0
    unpriced: int = 0
    left_over: LeftOver = LeftOver()

    @property
    def files(self) -> int:
        """Return how many files came to an end."""
        return self.completed + self.lost + self.failed.total()

    def count(self, event: Event) -> None:
        """Hear an event."""
        match event:
            case Completed():
                self.completed += 1
                self.audio_seconds += event.audio_seconds
                self.cost += event.cost_usd or 0.0
                self.unpriced += event.cost_usd is None
            case Failed():
                self.failed[event.status, event.reason] += 1
            case Lost():
                self.lost += 1
            case LeftOver():
                self.left_over = event
