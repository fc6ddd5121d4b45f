"""What became of a run: lines for a person, JSON for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from transcriber.cli.output import counted_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transcriber.worker.outcome import Outcome


def print_summary(outcome: Outcome, seconds: float, *, as_json: bool) -> None:
    """Print what became of a run that took so many seconds."""
    lines = [_json(outcome, seconds)] if as_json else _lines(outcome, seconds)
    for line in lines:
        click.echo(line)


def _lines(outcome: Outcome, seconds: float) -> Iterator[str]:
    if not outcome.files:
        yield f"Nothing to transcribe.{_left_over(outcome)}"
        return
    yield (
        f"{outcome.completed} completed, {outcome.failed.total()} failed;"
        f" {_duration(outcome.audio_seconds)} of sound in {_duration(seconds)}, {_cost(outcome)}."
    )
    for (status, reason), files in outcome.failed.most_common():
        yield f"  {files} {status}: {reason}"
    if outcome.lost:
        yield f"  {outcome.lost} taken over or changed by somebody else meanwhile"


def _json(outcome: Outcome, seconds: float) -> str:
    return json.dumps(
        {
            "completed": outcome.completed,
            "failed": outcome.failed.total(),
            "lost": outcome.lost,
            "failures": [
                {"status": status, "reason": reason, "files": files}
                for (status, reason), files in outcome.failed.most_common()
            ],
            "audio_seconds": round(outcome.audio_seconds, 1),
            "seconds": round(seconds, 1),
            "cost_usd": None if outcome.unpriced else round(outcome.cost, 4),
            "failed_for_good_so_far": outcome.left_over.failed,
            "cooling_down": outcome.left_over.cooling_down,
        }
    )


def _left_over(outcome: Outcome) -> str:
    """Say which files a run that found nothing did not take, and where to look."""
    left = outcome.left_over
    parts = [
        f"{counted_files(files)} {what}"
        for files, what in ((left.failed, "failed for good"), (left.cooling_down, "cooling down"))
        if files
    ]
    return f" Not tried: {', '.join(parts)}; see `transcriber failures`." if parts else ""


def _cost(outcome: Outcome) -> str:
    if outcome.unpriced:
        return f"cost unknown for {outcome.unpriced} files (no price in models.csv)"
    decimals = 2 if outcome.cost >= 0.01 or not outcome.cost else 4
    return f"${outcome.cost:.{decimals}f}"


def _duration(seconds: float) -> str:
    if seconds < 600:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
