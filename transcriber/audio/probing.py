"""What travels between a worker and the process that looks into its files."""

from __future__ import annotations

from dataclasses import dataclass

# The process ends with this exit code when a file needs more memory than it may.
OUT_OF_MEMORY = 77


@dataclass(frozen=True)
class AudioInfo:
    """The sound in a file, and the suffix and media type with which to send the file on."""

    duration_seconds: float
    codec: str
    sample_rate: int
    channels: int
    suffix: str
    media_type: str


@dataclass(frozen=True)
class ProbeLimits:
    """What looking into one file may cost; an hour of sound takes about 0.2 seconds of CPU time."""

    memory_gib: float = 1
    cpu_seconds: int = 20
    seconds: float = 60
