"""What a run is asked to do. The defaults of the command line's options stand here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from transcriber.queue.jobs import RetryPolicy, Selection

if TYPE_CHECKING:
    from transcriber.audio.networks import Networks


@dataclass(frozen=True)
class RunLimits:
    """How much to do at the same time, and when to stop; times in seconds.

    `slots` is how many files are transcribed at the same time, by default as many as the provider
    suggests; `grace` is how long files in flight may take after a request to stop, and `patience`
    how long a run that does not watch waits for hosts and providers that are away.
    """

    slots: int | None = None
    files: int | None = None
    seconds: float | None = None
    grace: float = 20.0
    patience: float = 900.0
    watch: bool = False


@dataclass(frozen=True)
class RunOptions:
    """The options of `transcriber run`; `claim_ttl` is in seconds."""

    provider: str = "openai"
    model: str | None = None
    language: str | None = None
    selection: Selection = field(default_factory=Selection)
    limits: RunLimits = field(default_factory=RunLimits)
    retry_policy: RetryPolicy = field(default_factory=RetryPolicy)
    claim_ttl: float = 120.0
    allowed_networks: Networks = ()
