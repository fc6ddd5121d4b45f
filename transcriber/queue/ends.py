"""Where in the queue the next claim begins."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transcriber.core.clock import Clock

# A claim starts where the last one ended, but not for longer: new calls arrive before that place.
CURSOR_SECONDS = 1.0


class QueueEnd:
    """One end of the queue, and the start of the call at which the next claim begins.

    While somebody holds an old snapshot, PostgreSQL keeps the index entries of files that are done,
    and a claim that began at the end would walk over all of them.
    """

    def __init__(self, clock: Clock, *, is_newest: bool) -> None:
        self.is_newest = is_newest
        self._clock = clock
        self.begin_at = 0.0  # in seconds since 1970
        self.is_exhausted = False  # The last claim walked over the whole queue.
        self._expires_at = 0.0
        self._start_over()

    def move(self, reached: float | None, *, was_full: bool) -> None:
        """Go on from where a claim ended; from the end when it found little, or after a while."""
        self.is_exhausted = not was_full and math.isinf(self.begin_at)
        if not was_full or self._clock.now() > self._expires_at:
            self._start_over()
        elif reached is not None:
            self.begin_at = reached

    def _start_over(self) -> None:
        self.begin_at = math.inf if self.is_newest else -math.inf
        self._expires_at = self._clock.now() + CURSOR_SECONDS
