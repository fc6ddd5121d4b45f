"""One attempt at a step of a file: what its errors mean for the file, the claim and the run."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from transcriber.core.errors import TranscriberError
from transcriber.core.verdicts import FileFailure, LostClaim, ProviderStoppedError
from transcriber.worker.leases import Phase
from transcriber.worker.outcome import Failed, Lost

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from transcriber.queue.claims import Claims
    from transcriber.queue.jobs import RetryPolicy
    from transcriber.worker.leases import Flight, Leases
    from transcriber.worker.outcome import Listener

T = TypeVar("T")


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
            await self.record(flight, FileFailure(_unexpected(error), permanent=False))
        return None

    async def record(self, flight: Flight, failure: FileFailure) -> None:
        """Record a failure, and let the file go."""
        flight.phase = Phase.WRITING
        status = await self._claims.fail(flight.job, failure, self._retry_policy)
        self._leases.forget(flight)
        audio_file_id = flight.job.audio_file_id
        if status is None:
            self._listener(Lost(audio_file_id))
        else:
            self._listener(Failed(audio_file_id, status, str(failure)))


def _unexpected(error: Exception) -> str:
    """Name an unforeseen error and its place, but not its text, which may hold personal data."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"unexpected {type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
