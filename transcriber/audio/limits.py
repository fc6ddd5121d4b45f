"""How much a download may ask of the worker."""

from __future__ import annotations

from dataclasses import dataclass

from transcriber.core.verdicts import FileFailure, Suspect


@dataclass(frozen=True)
class DownloadLimits:
    """How large, long and slow a download may be; the minimum rate applies after the grace."""

    max_bytes: int = 512 * 1024**2
    deadline_seconds: float = 600
    min_bytes_per_second: int = 8192
    grace_seconds: float = 15
    connect_seconds: float = 10
    read_seconds: float = 30
    max_redirects: int = 5

    def check_size(self, size: int) -> None:
        """Fail the file if its body is too large, or is announced to be."""
        if size > self.max_bytes:
            raise FileFailure(f"larger than {self.max_bytes:,} bytes", permanent=True)

    def check_rate(self, size: int, seconds: float) -> None:
        """Fail the file if its body comes so slowly that other files have to wait for it."""
        if seconds > self.grace_seconds and size < seconds * self.min_bytes_per_second:
            reason = f"slower than {self.min_bytes_per_second:,} bytes/s"
            raise FileFailure(reason, permanent=False, suspect=Suspect.SERVICE)
