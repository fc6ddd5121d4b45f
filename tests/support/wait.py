"""Waiting for something that another process, thread or server does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

Found = TypeVar("Found")


def until(
    condition: Callable[[], Found | None],
    *,
    seconds: float = 30,
    process: subprocess.Popen[str] | subprocess.Popen[bytes] | None = None,
    report: Callable[[], str] = lambda: "waited in vain",
) -> Found:
    """Return the first true value of a condition.

    Give up after that many seconds, or when the process that should make it true has ended, and
    say in the error what `report` finds.
    """
    deadline = time.monotonic() + seconds
    while True:
        # Decided before the condition is asked, because the process may make it true and then end.
        is_last_look = time.monotonic() > deadline or (
            process is not None and process.poll() is not None
        )
        if found := condition():
            return found
        if is_last_look:
            raise TimeoutError(report())
        time.sleep(0.02)
