"""How commands print: aligned text for people, JSON for programs."""

from __future__ import annotations

import json
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from transcriber.operate.failures import Failure, Reason
    from transcriber.operate.status import Status

Found = TypeVar("Found")


def print_lines(lines: Iterable[str]) -> None:
    """Print lines to stdout."""
    for line in lines:
        click.echo(line)


def print_found(
    name: str,
    found: Sequence[Found],
    lines: Callable[[Sequence[Found]], Iterable[str]],
    *,
    as_json: bool,
) -> None:
    """Print failures or reasons as JSON under a name, or as a table."""
    if as_json:
        click.echo(json_text({name: found}))
    else:
        print_lines(lines(found) if found else ["No failures."])


def json_text(value: object) -> str:
    """Return dataclasses as JSON: fields become keys, and times ISO 8601 in UTC."""
    return json.dumps(value, default=_jsonable, ensure_ascii=False)


def _jsonable(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def counted_files(count: int) -> str:
    """Return "1 file", "2 files" and so on."""
    return f"{count:,} file{'' if count == 1 else 's'}"


def table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    """Yield a table as lines; columns of numbers are aligned to the right."""
    cells = [[*headers], *([plain(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    numbers = [all(isinstance(v, int | None) for v in column) for column in zip(*rows, strict=True)]
    for line in cells:
        columns = zip(line, widths, numbers or [False] * len(widths), strict=True)
        yield "  ".join(c.rjust(w) if right else c.ljust(w) for c, w, right in columns).rstrip()


def plain(value: object) -> str:
    """Return a value as a person reads it.

    Other programs write to the same tables: characters that would control the terminal become "?".
    """
    match value:
        case None | "":
            return "-"
        case int():
            return f"{value:,}"
        case datetime():
            return value.astimezone().isoformat(" ", "seconds")
        case _:
            return "".join(letter if letter.isprintable() else "?" for letter in str(value))


def failure_lines(failures: Sequence[Failure]) -> Iterator[str]:
    """Yield a table of failures."""
    headers = ["id", "status", "code", "attempts", "last attempt", "next try", "reason"]
    rows = [
        (
            str(each.audio_file_id),
            each.status,
            each.code,
            each.attempts,
            each.last_attempt_at,
            _next_try(each),
            each.reason,
        )
        for each in failures
    ]
    return table(headers, rows)


def _next_try(failure: Failure) -> object:
    if failure.is_claimed:
        return "claimed"
    if failure.status == "permanent":
        return "never"
    return failure.next_try_at or "next run"


def reason_lines(reasons: Sequence[Reason]) -> Iterator[str]:
    """Yield a table of reasons."""
    rows = [(each.files, each.status, each.code, each.reason) for each in reasons]
    return table(["files", "status", "code", "reason"], rows)


def status_lines(status: Status) -> Iterator[str]:
    """Yield the whole status, without the parts that are empty."""
    files, rate = status.files, status.rate
    rows = [
        ("completed", files.completed, f"{status.audio_hours_done:,.1f} h of sound"),
        ("claimed", files.claimed, f"by {len(status.workers):,} workers" if files.claimed else ""),
        ("pending", files.pending, ""),
        (
            "not queued yet",
            files.not_queued,
            "the next run queues them" if files.not_queued else "",
        ),
        ("cooling down", files.cooling_down, _next(status)),
        ("failed for good", files.failed, ""),
        ("other", files.other, "another program wrote a status that transcriber does not know"),
        ("total", files.total, ""),
    ]
    shown = [row for row in rows if row[0] != "other" or row[1]]
    names, counts, notes = zip(*shown, strict=True)
    width = max(len(f"{count:,}") for count in counts)
    for name, count, note in zip(names, counts, notes, strict=True):
        yield f"{name:<17}{count:>{width},}  {note}".rstrip()
    yield ""
    yield f"{'left':<17}{files.to_do:,} files, at least {status.audio_hours_left:,.1f} h of sound"
    yield (
        f"{'rate':<17}{rate.files_per_hour:,.0f} files/h, {rate.audio_hours_per_hour:,.1f} h of"
        f" sound/h (last {rate.seconds // 60} minutes)"
    )
    yield f"{'ETA':<17}{_eta(status)}"
    for pause in status.paused_providers:
        yield ""
        yield f"{pause.provider} is paused since {plain(pause.paused_at)}: {plain(pause.reason)}"
        yield f"  fix the cause, then run: transcriber resume {plain(pause.provider)}"
    for outage in status.services_away:
        yield ""
        yield f"{plain(outage.service)} is away since {plain(outage.since)}: {plain(outage.reason)}"
        yield f"  its files wait; the next try is at {plain(outage.next_try_at)}"
    if status.workers:
        yield ""
        yield from table(
            ["claimed by", "files", "until", "expired"],
            [(w.worker, w.files, w.expires_at, w.expired_files or None) for w in status.workers],
        )
    if status.failed_by_reason:
        yield ""
        yield from reason_lines(status.failed_by_reason)


def _next(status: Status) -> str:
    return f"next at {plain(status.next_try_at)}" if status.next_try_at else ""


def _eta(status: Status) -> str:
    if status.eta is None:
        return (
            "nothing to do" if not status.files.to_do else "unknown: no file was completed lately"
        )
    left = timedelta(seconds=round((status.eta - status.at).total_seconds()))
    return f"{plain(status.eta)}, in {left}"
