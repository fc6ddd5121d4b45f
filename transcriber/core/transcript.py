"""The transcript of one recording, as providers return it and the queue stores it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transcriber.core.http import RateLimit


@dataclass(frozen=True)
class Transcript:
    """The words of one recording, and what else the model tells about them.

    Each of the `segments` has its `start` and `end` in seconds and its `text`. `diarization` has
    one entry with a `speaker` for each turn. `raw` is the provider's own answer.
    """

    text: str
    language: str | None = None
    segments: list[dict[str, Any]] | None = None
    diarization: list[dict[str, Any]] | None = None
    usage: dict[str, Any] | None = None
    raw: dict[str, Any] | None = None
    rate_limit: RateLimit | None = None
