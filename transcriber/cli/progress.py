"""How a run shows itself on stderr: a bar on a terminal, a line a file elsewhere, JSON for logs.

Each is a `Listener` of the worker's events. Files go by their id: no phone, URL or word of a call
is shown.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from transcriber.queue.statement import Outage
from transcriber.worker.outcome import (
    Completed,
    Failed,
    Lost,
    ServiceAway,
    ServiceBack,
    Started,
    Stopping,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click._termui_impl import ProgressBar

    from transcriber.worker.outcome import Event, Listener, Outcome

OUTAGE_LINE_SECONDS = 30.0


@contextmanager
def shown_progress(outcome: Outcome, *, log_format: str, watch: bool) -> Iterator[Listener]:
    """Yield what shows a run: a bar only on a terminal, and only for a run that has an end."""
    if log_format == "json":
        yield _unfailing(_seldom_outages(log_json))
    elif watch or not sys.stderr.isatty():
        yield _unfailing(_seldom_outages(log_text))
    else:
        bar = Bar(outcome)
        try:
            yield _unfailing(_seldom_outages(bar.show))
        finally:
            bar.close()


def log_text(event: Event) -> None:
    """Write a line for a person."""
    if line := describe(event):
        click.echo(line, err=True)


def log_json(event: Event) -> None:
    """Write a line for a log collector."""
    if describe(event) is None:
        return
    facts = {name: _as_json(value) for name, value in asdict(event).items()}
    line = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "event": type(event).__name__.lower(),
        **facts,
    }
    click.echo(json.dumps(line), err=True)


def _as_json(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    return round(value, 3) if isinstance(value, float) else value


def describe(event: Event) -> str | None:
    """Return an event in words, None for one that needs none."""
    line = None
    match event:
        case Completed():
            line = (
                f"file {event.audio_file_id}: completed, {event.audio_seconds:.1f} s of sound"
                f" in {event.seconds:.1f} s"
            )
        case Failed():
            line = f"file {event.audio_file_id}: {event.status} failure, {event.reason}"
        case Lost():
            line = f"file {event.audio_file_id}: taken over or changed by somebody else"
        case Outage():
            line = f"waiting for the database: {event.reason}"
        case ServiceAway():
            line = (
                f"{event.service} is away since {event.since.astimezone():%H:%M:%S}:"
                f" {event.reason}; the next try is at {event.next_try_at.astimezone():%H:%M:%S}"
            )
        case ServiceBack():
            line = f"{event.service} is back"
        case Stopping():
            line = (
                f"stopping: {event.files} files are finished or released; another signal stops at"
                " once"
            )
    return line


def _unfailing(listener: Listener) -> Listener:
    """Return a listener that goes on in silence where nobody reads stderr any more."""

    def tell(event: Event) -> None:
        with suppress(OSError):
            listener(event)

    return tell


def _seldom_outages(listener: Listener) -> Listener:
    """Return a listener that hears of an outage once in a while, not at every attempt."""
    told_at = float("-inf")

    def tell(event: Event) -> None:
        nonlocal told_at
        if isinstance(event, Outage):
            if time.monotonic() - told_at < OUTAGE_LINE_SECONDS:
                return
            told_at = time.monotonic()
        listener(event)

    return tell


class Bar:
    """A progress bar; what needs a person's eye is written above it."""

    def __init__(self, outcome: Outcome) -> None:
        """Take what counts the sound that is done; the bar appears when the run starts."""
        self._outcome = outcome
        self._bar: ProgressBar[object] | None = None

    def show(self, event: Event) -> None:
        """Hear an event."""
        if isinstance(event, Started):
            self._open(event)
            return
        if not isinstance(event, Completed) and (line := describe(event)):
            click.echo(f"\r\x1b[K{line}" if self._bar else line, err=True)
        if self._bar and isinstance(event, Completed | Failed | Lost):
            self._bar.update(1)

    def _open(self, started: Started) -> None:
        began = time.monotonic()

        def sound(_: object) -> str:
            done = self._outcome.audio_seconds
            rate = done / max(time.monotonic() - began, 0.001)
            # As many times as fast as it was spoken.
            return f"{done / 3600:.1f} of {started.audio_seconds / 3600:.1f} h, {rate:.0f}x"

        self._bar = click.progressbar(
            length=started.files,
            label="transcribing",
            show_pos=True,
            show_eta=True,
            item_show_func=sound,
            width=0,  # What the terminal's line has left: a longer line would be broken.
            file=sys.stderr,
        )
        self._bar.current_item = 0
        self._bar.__enter__()

    def close(self) -> None:
        """End the bar's line."""
        if self._bar:
            self._bar.render_finish()
