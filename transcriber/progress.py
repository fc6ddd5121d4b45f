"""What a run counts, and what it shows meanwhile: a bar on a terminal, a line a file elsewhere.

Files go by their id: no phone, URL or word of a call is shown.
"""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click._termui_impl import ProgressBar

    from transcriber.queue import Job


@dataclass
class Outcome:
    """What became of a run's files; `failed` counts them by status and reason."""

    completed: int = 0
    lost: int = 0
    failed: Counter[tuple[str, str]] = field(default_factory=Counter)
    audio_seconds: float = 0.0

    @property
    def files(self) -> int:
        """Return how many files came to an end."""
        return self.completed + self.lost + self.failed.total()


class Progress:
    """Hears of every file that comes to an end; counts it and shows it."""

    def __init__(self, outcome: Outcome, bar: ProgressBar[int] | None) -> None:
        """Take what to count in, and the bar where there is one."""
        self._outcome = outcome
        self._bar = bar

    def completed(self, job: Job, audio_seconds: float, seconds: float) -> None:
        """Hear of a transcript that was stored, after that many seconds."""
        self._outcome.completed += 1
        self._outcome.audio_seconds += audio_seconds
        if self._bar is None:
            click.echo(
                f"file {job.audio_file_id}: completed, {audio_seconds:.1f} s of sound"
                f" in {seconds:.1f} s",
                err=True,
            )
        else:
            self._bar.update(1)

    def failed(self, job: Job, status: str, reason: str) -> None:
        """Hear of a failure that was recorded."""
        self._outcome.failed[status, reason] += 1
        self._report(f"file {job.audio_file_id}: {status} failure, {reason}")

    def lost(self, job: Job) -> None:
        """Hear of a file that somebody else claimed or finished meanwhile."""
        self._outcome.lost += 1
        self._report(f"file {job.audio_file_id}: taken over by another worker")

    def _report(self, line: str) -> None:
        """Show a line that a person should see, above the bar."""
        click.echo(line if self._bar is None else f"\r\x1b[K{line}", err=True)
        if self._bar is not None:
            self._bar.update(1)


@contextmanager
def progress_of(files: int, outcome: Outcome) -> Iterator[Progress]:
    """Show a run over that many files on stderr."""
    if sys.stderr.isatty():
        with click.progressbar(
            length=files, label="transcribing", show_pos=True, file=sys.stderr
        ) as bar:
            bar.render_progress()
            yield Progress(outcome, bar)
    else:
        yield Progress(outcome, None)
