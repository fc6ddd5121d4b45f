"""What a run counts, and what it shows meanwhile: a bar on a terminal, a line a file elsewhere.

Files go by their id: no phone, URL or word of a call is shown.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from transcriber.providers.catalogue import price_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click._termui_impl import ProgressBar

    from transcriber.providers import ProviderChoice
    from transcriber.queue.jobs import Job, Pending, Result

OUTAGE_LINE_SECONDS = 30.0


@dataclass
class Outcome:
    """What became of a run's files; `failed` counts them by status and reason.

    `cost` is in US dollars, for the files whose price is known; `unpriced` counts the others.
    """

    completed: int = 0
    lost: int = 0
    failed: Counter[tuple[str, str]] = field(default_factory=Counter)
    audio_seconds: float = 0.0
    cost: float = 0.0
    unpriced: int = 0

    @property
    def files(self) -> int:
        """Return how many files came to an end."""
        return self.completed + self.lost + self.failed.total()

    def as_dict(self, seconds: float) -> dict[str, Any]:
        """Return the summary of a run that took that long."""
        return {
            "completed": self.completed,
            "failed": self.failed.total(),
            "lost": self.lost,
            "failures": [
                {"status": status, "reason": reason, "files": files}
                for (status, reason), files in self.failed.most_common()
            ],
            "audio_seconds": round(self.audio_seconds, 1),
            "seconds": round(seconds, 1),
            "cost_usd": None if self.unpriced else round(self.cost, 4),
        }

    def lines(self, seconds: float) -> Iterator[str]:
        """Yield the summary for a person."""
        if not self.files:
            yield "Nothing to transcribe."
            return
        yield (
            f"{self.completed} completed, {self.failed.total()} failed;"
            f" {_duration(self.audio_seconds)} of sound in {_duration(seconds)}, {self._cost()}."
        )
        for (status, reason), files in self.failed.most_common():
            yield f"  {files} {status}: {reason}"
        if self.lost:
            yield f"  {self.lost} taken over by another worker meanwhile"

    def _cost(self) -> str:
        if self.unpriced:
            return f"cost unknown for {self.unpriced} files (no price in models.csv)"
        return f"${self.cost:.2f}" if self.cost >= 0.01 or not self.cost else f"${self.cost:.4f}"


class Progress:
    """Hears of every file that comes to an end; counts it and shows it."""

    def __init__(
        self,
        outcome: Outcome,
        choice: ProviderChoice,
        *,
        bar: ProgressBar[object] | None = None,
        as_json: bool = False,
    ) -> None:
        """Take what to count in, whose prices count, and how to show it."""
        self._outcome = outcome
        self._price = price_of(choice.name, choice.model)
        self._bar = bar
        self._as_json = as_json
        self._outage_told_at = -OUTAGE_LINE_SECONDS

    def completed(self, result: Result) -> None:
        """Hear of a transcript that was stored."""
        outcome, audio_seconds = self._outcome, result.audio.duration_seconds
        outcome.completed += 1
        outcome.audio_seconds += audio_seconds
        cost = self._price.of(result) if self._price else None
        if cost is None:
            outcome.unpriced += 1
        else:
            outcome.cost += cost
        if self._bar is None:
            self._tell(
                "completed",
                f"file {result.job.audio_file_id}: completed, {audio_seconds:.1f} s of sound"
                f" in {result.seconds:.1f} s",
                audio_file_id=result.job.audio_file_id,
                audio_seconds=round(audio_seconds, 1),
                seconds=round(result.seconds, 3),
            )
        else:
            self._bar.update(1)

    def failed(self, job: Job, status: str, reason: str) -> None:
        """Hear of a failure that was recorded."""
        self._outcome.failed[status, reason] += 1
        self._tell(
            "failed",
            f"file {job.audio_file_id}: {status} failure, {reason}",
            audio_file_id=job.audio_file_id,
            status=status,
            reason=reason,
        )
        if self._bar is not None:
            self._bar.update(1)

    def lost(self, job: Job) -> None:
        """Hear of a file that somebody else claimed or finished meanwhile."""
        self._outcome.lost += 1
        self._tell(
            "lost",
            f"file {job.audio_file_id}: taken over by another worker",
            audio_file_id=job.audio_file_id,
        )
        if self._bar is not None:
            self._bar.update(1)

    def outage(self, reason: str) -> None:
        """Hear that the database does not answer; said once in a while."""
        if time.monotonic() - self._outage_told_at < OUTAGE_LINE_SECONDS:
            return
        self._outage_told_at = time.monotonic()
        self._tell("outage", f"waiting for the database: {reason}", reason=reason)

    def stopping(self, files: int) -> None:
        """Hear that the run was asked to end."""
        self._tell(
            "stopping",
            f"stopping: {files} files are finished or released; once more stops at once",
            files=files,
        )

    def _tell(self, event: str, line: str, **facts: object) -> None:
        """Show a line that a person should see, above the bar."""
        if self._as_json:
            moment = datetime.now(UTC).isoformat(timespec="milliseconds")
            line = json.dumps({"time": moment, "event": event, **facts})
        click.echo(line if self._bar is None else f"\r\x1b[K{line}", err=True)


@contextmanager
def progress_of(
    pending: Pending, outcome: Outcome, choice: ProviderChoice, *, log_format: str, watch: bool
) -> Iterator[Progress]:
    """Show a run on stderr: a bar on a terminal, but for a run without an end."""
    if not sys.stderr.isatty() or log_format == "json" or watch:
        yield Progress(outcome, choice, as_json=log_format == "json")
        return
    began = time.monotonic()

    def sound(_: object) -> str:
        hours, total = outcome.audio_seconds / 3600, pending.audio_seconds / 3600
        rate = outcome.audio_seconds / max(time.monotonic() - began, 0.001)
        return f"{hours:.1f} of {total:.1f} h of sound, {rate:.0f} times as fast as it was spoken"

    with click.progressbar(
        length=pending.files,
        label="transcribing",
        show_pos=True,
        show_eta=True,
        item_show_func=sound,
        file=sys.stderr,
    ) as bar:
        bar.current_item = 0
        bar.render_progress()
        yield Progress(outcome, choice, bar=bar)


def _duration(seconds: float) -> str:
    if seconds < 600:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
