"""What a person at a terminal sees."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import termios
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
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


@pytest.mark.parametrize("columns", [80, 120])
def test_the_bar_is_no_longer_than_a_line(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(columns))
    pipeline.add_many(12, duration_seconds=40_000_000)
    command = [sys.executable, "-m", "transcriber", "run", "--concurrency", "2"]
    shown = _run_on_a_terminal(command, columns, code=0)
    lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown))
    assert any("12/12" in line for line in lines)
    assert max(map(len, lines)) <= columns
    assert shown.count("\n") <= 3


def _run_on_a_terminal(command: list[str], columns: int = 80, *, code: int = 1) -> str:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
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
    assert process.wait() == code
    return shown.decode()
