"""One attempt at a step of a file: what its errors mean for the file, the claim and the run.

A failure that an option may have caused is held until a file of the run could be downloaded: then
the option is right and the failure counts. Where none could be, the run ends and counts nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from transcriber.core.errors import TranscriberError
from transcriber.core.verdicts import FileFailure, LostClaim, ProviderStoppedError, unexpected
from transcriber.worker.leases import Phase
from transcriber.worker.outcome import Failed, Lost

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from transcriber.queue.claims import Claims
    from transcriber.queue.jobs import Job, RetryPolicy
    from transcriber.worker.leases import Flight, Leases
    from transcriber.worker.outcome import Listener

T = TypeVar("T")

MOST_SUSPECTED = 20


class Attempts:
    """Tries steps, and records the failures of files."""

    def __init__(
        self,
        claims: Claims,
        leases: Leases,
        retry_policy: RetryPolicy,
        listener: Listener,
        stop_because: Callable[[ProviderStoppedError], None],
    ) -> None:
        """Take where failures are recorded, who hears of them, and how to stop the run."""
        self._claims = claims
        self._leases = leases
        self._retry_policy = retry_policy
        self._listener = listener
        self._stop_because = stop_because
        self._suspected: list[tuple[Job, FileFailure]] | None = []

    async def attempt(self, flight: Flight, step: Awaitable[T]) -> T | None:
        """Do a step; what is wrong with the file is recorded and ends here, as None."""
        try:
            return await step
        except FileFailure as failure:
            await self.record(flight, failure)
        except LostClaim:
            pass  # The leases have dropped the file already.
        except ProviderStoppedError as stopped:
            self._stop_because(stopped)
            await self._claims.pause_provider(str(stopped))
            self._leases.forget(flight)
        except TranscriberError:
            raise
        except Exception as error:  # noqa: BLE001 (one bad file never stops a batch)
            await self.record(flight, FileFailure(unexpected(error), permanent=False))
        return None

    async def record(self, flight: Flight, failure: FileFailure) -> None:
        """Record a failure, and let the file go."""
        if failure.is_setting_suspected and self._suspected is not None:
            self._leases.forget(flight)
            self._suspected.append((flight.job, failure))
            if len(self._suspected) >= MOST_SUSPECTED:
                self.refuse_setting()
            return
        flight.phase = Phase.WRITING
        await self._fail(flight.job, failure)
        self._leases.forget(flight)

    async def prepare(self, flight: Flight, step: Awaitable[object]) -> None:
        """Prepare a file; where that succeeds, the failures that were held count."""
        flight.prepared = await self.attempt(flight, step)
        if flight.prepared is None:
            return
        if flight.is_dropped:  # Just now: nobody else will close it.
            flight.prepared.close()
        suspected, self._suspected = self._suspected or [], None
        for job, failure in suspected:
            await self._fail(job, failure)

    def refuse_setting(self, *, is_stopping: bool = False) -> None:
        """End the run with the first failure that an option may have caused, if there is one."""
        if self._suspected and not is_stopping:
            raise SettingError(f"No file could be downloaded: {self._suspected[0][1]}")

    async def _fail(self, job: Job, failure: FileFailure) -> None:
        status = await self._claims.fail(job, failure, self._retry_policy)
        if status is None:
            self._listener(Lost(job.audio_file_id))
        else:
            self._listener(Failed(job.audio_file_id, status, str(failure)))


class SettingError(TranscriberError):
    """An option of the run is wrong; nothing is counted against the files."""
