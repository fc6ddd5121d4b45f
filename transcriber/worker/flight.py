"""A claimed file on its way through a worker, and what the worker does with it."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from transcriber.queue.jobs import Job, Result

    Confirm = Callable[[], Awaitable[None]]
    Prepare = Callable[[Job], Awaitable[Any]]
    Perform = Callable[[Job, Any, Confirm], Awaitable[Result]]


class Work(Protocol):
    """What is done with a file, in two steps; both may raise a `FileFailure`."""

    def preparer(self) -> AbstractAsyncContextManager[Prepare]:
        """Open what one preparer needs; it does what is free and slow."""

    def performer(self) -> AbstractAsyncContextManager[Perform]:
        """Open what one slot needs; it does what is paid for, after it has confirmed the claim."""


@dataclass(frozen=True)
class Limits:
    """When to stop; times in seconds."""

    slots: int
    files: int | None = None
    seconds: float | None = None
    grace: float = 20.0
    max_attempts: int = 5
    cooldown: float = 60.0
    watch: bool = False


class Phase(Enum):
    """Where a file is."""

    AHEAD = auto()  # claimed, perhaps prepared; nothing was paid
    IN_SLOT = auto()
    WRITING = auto()


@dataclass(eq=False)
class Flight:
    """A claimed file on its way through this worker; `prepared` has a method `close`."""

    job: Job
    valid_until: float
    phase: Phase = Phase.AHEAD
    prepared: Any = None
    task: asyncio.Task[Any] | None = None
    is_dropped: bool = False
    is_cancelled: bool = False  # once at most, and perhaps before its task notices

    def hold(self, job: Job, valid_until: float) -> None:
        """Go on under another claim, or under the same one for longer."""
        self.job, self.valid_until = job, valid_until


CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now() -> float:
    """Return seconds on a clock that goes on while the process, or the laptop, sleeps."""
    return time.clock_gettime(CLOCK)


def jittered(seconds: float) -> float:
    """Return about that long, so that workers do not act in step."""
    return seconds * random.uniform(0.8, 1.2)  # noqa: S311
