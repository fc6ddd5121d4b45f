"""What travels between the queue, the worker and those who watch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from transcriber.audio.probe import AudioInfo
    from transcriber.providers import Transcript


@dataclass(frozen=True)
class Choice:
    """Which files to take, and in which order."""

    newest_first: bool = True
    backfill_share: float = 0.2  # of the slots, for the other end of the queue
    campaign: str | None = None
    phone: str | None = None
    max_duration: float | None = None  # seconds


@dataclass(frozen=True)
class Pending:
    """What is to do: files, and their sound in seconds as far as the source tells."""

    files: int
    audio_seconds: float


@dataclass(frozen=True)
class Job:
    """A claimed file. What is made of it belongs to its URL: ids may be given to other files."""

    audio_file_id: int
    url: str = field(repr=False)  # may hold a signature; never in a log
    url_sha1: str = field(repr=False)
    claimed_at: datetime

    def is_same_file(self, other: Job) -> bool:
        """Tell whether two claims are on the same file, not merely on the same id."""
        return (self.audio_file_id, self.url_sha1, self.url) == (
            other.audio_file_id,
            other.url_sha1,
            other.url,
        )


@dataclass(frozen=True)
class Claimed:
    """An answer to a claim: the files won, whether there were any, and why not."""

    jobs: list[Job]
    any_pending: bool
    paused_because: str | None


@dataclass(frozen=True)
class Result:
    """A transcript to write back."""

    job: Job
    transcript: Transcript
    audio: AudioInfo
    content_sha256: str
    file_size_bytes: int
    seconds: float  # from the claim's download to the transcript

    def as_row(self, worker: str) -> dict[str, Any]:
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
            "metadata": {
                "audio": vars(self.audio),
                "content_sha256": self.content_sha256,
                "file_size_bytes": self.file_size_bytes,
                "language": self.transcript.language,
                "seconds": round(self.seconds, 3),
                "usage": self.transcript.usage,
                "worker": worker,
            },
        }
