"""Who turns sound into text. A provider is chosen by name; its packages load when it is used."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol

from transcriber.core.errors import TranscriberError

if TYPE_CHECKING:
    from collections.abc import Callable

    from transcriber.core.transcript import Transcript

# Each name on the command line is a module beside this one, with a function `choose`.
NAMES = ("openai", "local")


class ProviderUnusableError(TranscriberError):
    """The provider cannot be used as it is configured."""


@dataclass(frozen=True)
class Upload:
    """Sound to transcribe: an open file, what to call it, and how long it is."""

    file: BinaryIO
    name: str
    media_type: str
    seconds: float


class Session(Protocol):
    """One slot's own line to a provider: one request at a time."""

    async def transcribe(self, upload: Upload, language: str | None) -> Transcript:
        """Return the transcript of a file whose position is 0.

        `language` is an ISO 639-1 code, None where it is not known. Raises `FileFailure`,
        `Throttled` or `ProviderStoppedError` (see core/verdicts.py).
        """

    async def close(self) -> None:
        """Give the line back."""


class Provider(Protocol):
    """A provider that is ready to work."""

    def session(self) -> Session:
        """Open one slot's line."""


@dataclass(frozen=True)
class ChosenProvider:
    """A provider that was checked, but whose packages are not loaded yet.

    `stored_as` and `model` are what its transcripts say; `connect` takes the number of slots, and
    a model takes seconds to load. Workers with the same `account` stand or fall together: it is a
    hash of the key, the model and the base URL, and empty where there is no account.
    """

    name: str
    stored_as: str
    model: str
    connect: Callable[[int], Provider]
    default_concurrency: int
    account: str = ""

    @property
    def paused_as(self) -> str:
        """Return the name of a pause of this account."""
        return f"{self.name}:{self.account}" if self.account else self.name


def choose(name: str, model: str | None) -> ChosenProvider:
    """Check cheaply that a provider can be used; raise `ProviderUnusableError` if not."""
    if name not in NAMES:
        raise ProviderUnusableError(f"There is no provider {name}: choose {' or '.join(NAMES)}.")
    chosen: ChosenProvider = importlib.import_module(f"transcriber.providers.{name}").choose(model)
    return chosen
