"""Who turns sound into text. A provider is chosen by name; its packages load when it is used."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from transcriber.core.errors import TranscriberError

if TYPE_CHECKING:
    from collections.abc import Callable

    from transcriber.audio.probe import AudioInfo
    from transcriber.core.http import RateLimit

# name on the command line -> module beside this one, with `check` and `connect`
NAMES = ("openai", "local")


class ProviderUnusableError(TranscriberError):
    """The provider cannot be used as it is configured."""


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


class Session(Protocol):
    """One slot's own line to a provider: one request at a time."""

    async def transcribe(self, file: BinaryIO, info: AudioInfo, language: str | None) -> Transcript:
        """Return the transcript of a file whose position is 0.

        Raises `FileFailure`, `Throttled` or `ProviderStoppedError` (see failures.py).
        """

    async def close(self) -> None:
        """Give the line back."""


class Provider(Protocol):
    """A provider that is ready to work."""

    def session(self) -> Session:
        """Open one slot's line."""


@dataclass(frozen=True)
class ProviderChoice:
    """A provider that was checked, but whose packages are not loaded yet.

    `stored_as` and `model` are what its transcripts say; `connect` takes the number of slots, and
    seconds.
    """

    name: str
    stored_as: str
    model: str
    connect: Callable[[int], Provider]
    default_concurrency: int


def choose(name: str, model: str | None) -> ProviderChoice:
    """Check cheaply that a provider can be used; raise `ProviderUnusableError` if not."""
    if name not in NAMES:
        raise ProviderUnusableError(f"There is no provider {name}: choose {' or '.join(NAMES)}.")
    choice: ProviderChoice = importlib.import_module(f"transcriber.providers.{name}").choose(model)
    return choice
