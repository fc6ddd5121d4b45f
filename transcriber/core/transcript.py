"""What was said in one recording, as providers return it and the queue stores it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transcriber.core.http import RateLimit


@dataclass(frozen=True)
class Transcript:
    """What was said in one recording.

    `segments` have `start` and `end` in seconds and `text`, where the model tells them;
    `diarization` has one entry per turn with its `speaker`; `raw` is the provider's own answer.
    """

    text: str
    language: str | None = None
    segments: list[dict[str, Any]] | None = None
    diarization: list[dict[str, Any]] | None = None
    usage: dict[str, Any] | None = None
    raw: dict[str, Any] | None = None
    rate_limit: RateLimit | None = None
