"""What travels between the queue and the worker."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from transcriber.core.transcript import Transcript


@dataclass(frozen=True)
class Selection:
    """Which files a run takes, and in which order.

    `backfill_share` is the share of the files that is taken from the oldest when the newest come
    first; `max_duration` is in seconds.
    """

    newest_first: bool = True
    backfill_share: float = 0.2
    campaign: str | None = None
    phone: str | None = None
    max_duration: float | None = None

    @property
    def filters(self) -> dict[str, object]:
        """Return the parameters of selection.part.sql."""
        return {
            "campaign": self.campaign,
            "phone": self.phone,
            "max_duration": self.max_duration,
        }


@dataclass(frozen=True)
class RetryPolicy:
    """When a failed file is tried again: `cooldown` is the first wait in seconds."""

    max_attempts: int = 5
    cooldown: float = 60.0


class Provider(Protocol):
    """The names of a provider: on the command line and in pauses, and as its transcripts say."""

    @property
    def name(self) -> str:
        """Return the name on the command line."""

    @property
    def paused_as(self) -> str:
        """Return the name of a pause of those who share its key, model and base URL."""

    @property
    def stored_as(self) -> str:
        """Return what the column `provider` says."""

    @property
    def model(self) -> str:
        """Return what the column `model` says."""


@dataclass(frozen=True)
class Pending:
    """What a run has to do: files, and seconds of sound as far as the catalogue knows them."""

    files: int
    audio_seconds: float


@dataclass(frozen=True)
class Job:
    """A claimed file. Its transcript belongs to the URL, because ids may be given again.

    `host` is the URL's, None where it has none.
    """

    audio_file_id: int
    url: str = field(repr=False)  # It may hold a signature, which no log may show.
    url_sha1: str = field(repr=False)
    claimed_at: datetime
    host: str | None = None


@dataclass(frozen=True)
class ServiceOutage:
    """A host of recordings, or a provider's account, that is away.

    `is_due` says that it is time to look whether it is back.
    """

    service: str
    is_provider: bool
    reason: str
    since: datetime
    next_try_at: datetime
    is_due: bool = False


@dataclass(frozen=True)
class Probe:
    """Looking whether a service is back, with one file of it, but none of those tried in vain."""

    service: str
    is_provider: bool
    tried_ids: Sequence[int] = ()


@dataclass(frozen=True)
class Claimed:
    """An answer to a claim: the jobs won, whether any file was pending, and the pause if one holds.

    No job although files are pending means that others were quicker: ask again at once. `outages`
    are those of all hosts and of this worker's provider; their files were not seen.
    """

    jobs: list[Job]
    any_pending: bool
    paused_because: str | None
    outages: Sequence[ServiceOutage] = ()


@dataclass(frozen=True)
class Renewed:
    """An answer to a renewal, by `url_sha1`: the jobs that are still ours, and the files gone.

    A kept job may have another id. A job in neither is somebody else's, or done.
    """

    kept: dict[str, Job]
    gone: set[str]


@dataclass(frozen=True)
class Completion:
    """A transcript to write back.

    `audio` is what was found in the file, `seconds` the time from the start of its download to the
    transcript, `cost` in US dollars where the price is known. `result_id` tells this transcript
    from any other, so that it can be written twice without harm.
    """

    job: Job
    transcript: Transcript
    audio: Mapping[str, object]
    audio_seconds: float
    content_sha256: str
    file_size_bytes: int
    seconds: float
    cost: float | None = None
    result_id: str = field(default_factory=lambda: secrets.token_hex(8))

    def as_row(self, claimant: str) -> dict[str, Any]:
        """Return what complete.sql takes, as JSON."""
        return {
            "audio_file_id": self.job.audio_file_id,
            "url": self.job.url,
            "url_sha1": self.job.url_sha1,
            "claimed_at": self.job.claimed_at.isoformat(),
            "transcript_text": self.transcript.text,
            "segments": self.transcript.segments,
            "diarization": self.transcript.diarization,
            "raw_response": self.transcript.raw,
            "content_sha256": self.content_sha256,
            "file_size_bytes": self.file_size_bytes,
            "result_id": self.result_id,
            "metadata": {
                "audio": self.audio,
                "content_sha256": self.content_sha256,
                "file_size_bytes": self.file_size_bytes,
                "language": self.transcript.language,
                "result_id": self.result_id,
                "seconds": round(self.seconds, 3),
                "usage": self.transcript.usage,
                "worker": claimant,
            },
        }
