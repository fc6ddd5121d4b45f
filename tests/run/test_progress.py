"""What a person at a terminal sees."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

    from tests.support.pipeline import Pipeline


def test_a_terminal_gets_a_bar_and_the_failures_above_it(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    pipeline.add("a")
    pipeline.add("b")
    pipeline.add("gone", (404, "text/plain", b"no"))
    shown = _run_on_a_terminal([sys.executable, "-m", "transcriber", "run"])
    assert "transcribing" in shown
    assert "3/3" in shown
    assert "permanent failure, HTTP 404" in shown
    assert "2 completed, 1 failed" in shown


def _run_on_a_terminal(command: list[str]) -> str:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, stdout=theirs, stderr=theirs, close_fds=True)
    os.close(theirs)
    shown = b""
    while True:
        try:
            chunk = os.read(ours, 4096)
        except OSError:  # Linux raises this when the other end is closed.
            break
        if not chunk:
            break
        shown += chunk
    os.close(ours)
    assert process.wait() == 1
    return shown.decode()
