"""`transcriber resume` lets workers call a paused provider again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.operated_queue import OperatedQueue


def test_resume_lifts_a_pause(queue: OperatedQueue) -> None:
    queue.pause()
    before = queue.rows()
    assert queue.run("resume", "local").stdout == "local is not paused\n"
    assert queue.run("resume", "openai", "--dry-run").stdout.startswith("would resume openai, ")
    assert queue.rows() == before
    result = queue.run("resume", "openai").stdout
    assert result.startswith("resumed openai, paused since 2")
    assert result.endswith(": no credit\n")
    assert queue.run("resume", "openai").stdout == "openai is not paused\n"
