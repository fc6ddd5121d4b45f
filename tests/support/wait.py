"""Waiting for something that another process, thread or server does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

Found = TypeVar("Found")


def until(
    condition: Callable[[], Found],
    *,
    seconds: float = 30,
    process: subprocess.Popen[str] | subprocess.Popen[bytes] | None = None,
) -> Found:
    """Return the first true value of a condition.

    Give up after so many seconds, or when the process that should make it true has ended.
    """
    deadline = time.monotonic() + seconds
    while True:
        # Decided before the look, because the process may succeed and end right after it.
        is_last_look = time.monotonic() > deadline or (
            process is not None and process.poll() is not None
        )
        if found := condition():
            return found
        if is_last_look:
            raise TimeoutError("waited in vain")
        time.sleep(0.02)
