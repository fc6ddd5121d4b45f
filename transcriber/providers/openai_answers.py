"""Read a transcription: an answer is paid for, so everything but its text may be missing or odd.

An odd field is left out of the transcript. `raw` has it as it came.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from transcriber.core.languages import language_code
from transcriber.core.transcript import Transcript
from transcriber.core.verdicts import FileFailure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transcriber.core.http import RateLimit

# PostgreSQL and json.dumps take about 1,000 levels; answers have three.
MOST_LEVELS = 100
# Python refuses to read longer integers, and no field of an answer needs one.
MOST_DIGITS = 18

# It was paid for twice by then, and a third answer will hardly be better.
MOST_UNREADABLE_ANSWERS = 2

_PART = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}:,]', re.DOTALL)


def transcript_of(content: bytes, rate_limit: RateLimit | None) -> Transcript:
    """Return the transcript that the body of an answer with status 200 holds.

    Raises a `FileFailure` where there is no text: a portal's HTML, or an answer that was cut.
    """
    document = content.decode("utf-8", "replace")
    raw = _load(document)
    text = _outer_text(document) if raw is None else raw.get("text")
    if not isinstance(text, str):
        raise FileFailure(
            "the provider's answer holds no transcript",
            permanent=False,
            most_attempts=MOST_UNREADABLE_ANSWERS,
        )
    raw = raw or {}
    found = _objects(raw.get("segments"))
    turns = [_turn(segment) for segment in found if _text(segment.get("speaker"))]
    segments = [_times(segment) | {"text": _text(segment.get("text"))} for segment in found]
    named = [raw.get("language"), *(each.get("code") for each in _objects(raw.get("languages")))]
    codes = (language_code(name) for name in named if isinstance(name, str))
    usage = raw.get("usage")
    return Transcript(
        text=text.strip(),
        language=next((code for code in codes if code), None),
        segments=segments or None,
        diarization=turns or None,
        usage=usage if isinstance(usage, dict) else None,
        raw=raw or None,
        rate_limit=rate_limit,
    )


def _load(document: str) -> dict[str, Any] | None:
    """Return the object that a JSON text holds, or None if it is none, or nested too deeply."""
    try:
        loaded = json.loads(document, parse_int=_integer)
    except (ValueError, RecursionError):
        return None
    return loaded if isinstance(loaded, dict) and _levels_are_few(loaded) else None


def _integer(digits: str) -> float:
    return int(digits) if len(digits) <= MOST_DIGITS else float(digits)


def _levels_are_few(value: object) -> bool:
    level = [value]
    for _ in range(MOST_LEVELS):
        level = [
            each
            for container in level
            for each in (container.values() if isinstance(container, dict) else container)  # type: ignore[attr-defined]
            if isinstance(each, dict | list)
        ]
        if not level:
            return True
    return False


def _outer_text(document: str) -> object:
    """Return the outermost `text` of JSON that is nested too deeply to be read as a whole."""
    depth, before = 0, ("", "")
    for part in _parts(document):
        depth += (part in "{[") - (part in "}]")
        if depth == 1 and before == ('"text"', ":") and part.startswith('"'):
            with suppress(ValueError):
                return json.loads(part)
        before = (before[1], part)
    return None


def _parts(document: str) -> Iterator[str]:
    """Yield the strings and brackets of a JSON object; nothing for a page of HTML."""
    if document.lstrip().startswith("{"):
        yield from (match[0] for match in _PART.finditer(document))


def _objects(value: object) -> list[dict[str, Any]]:
    """Return a list of objects as it is, and anything else as an empty list."""
    is_usable = isinstance(value, list) and all(isinstance(each, dict) for each in value)
    return value if is_usable else []  # type: ignore[return-value]


def _times(segment: dict[str, Any]) -> dict[str, Any]:
    return {key: _number(segment.get(key)) for key in ("start", "end")}


def _turn(segment: dict[str, Any]) -> dict[str, Any]:
    return _times(segment) | {"speaker": segment["speaker"]}


def _number(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number else None  # type: ignore[return-value]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
