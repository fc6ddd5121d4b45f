"""Record the failures of files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from transcriber.worker.leases import Phase
from transcriber.worker.outcome import Failed, Lost

if TYPE_CHECKING:
    from transcriber.core.verdicts import FileFailure
    from transcriber.queue.claims import Claims
    from transcriber.queue.jobs import RetryPolicy
    from transcriber.worker.leases import Flight, Leases
    from transcriber.worker.outcome import Listener


class Failures:
    """Writes failures into the database, and tells a listener."""

    def __init__(
        self, claims: Claims, leases: Leases, retry_policy: RetryPolicy, listener: Listener
    ) -> None:
        """Take where failures are recorded, when their files are tried again, and who hears."""
        self._claims = claims
        self._leases = leases
        self._retry_policy = retry_policy
        self._listener = listener

    async def record(self, flight: Flight, failure: FileFailure) -> None:
        """Record a failure, and let the file go."""
        if flight.is_dropped:  # It was lost while its failure was held.
            return
        flight.phase = Phase.WRITING
        status = await self._claims.fail(flight.job, failure, self._retry_policy)
        self._leases.forget(flight)
        audio_file_id = flight.job.audio_file_id
        self._listener(
            Lost(audio_file_id) if status is None else Failed(audio_file_id, status, str(failure))
        )
