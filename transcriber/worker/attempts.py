"""One attempt at a step of a file: what its errors mean for the file, the claim and the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from transcriber.core.errors import TranscriberError
from transcriber.core.verdicts import FileFailure, LostClaim, ProviderStoppedError, unexpected

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from transcriber.queue.claims import Claims
    from transcriber.worker.failures import Failures
    from transcriber.worker.leases import Flight, Leases
    from transcriber.worker.services import Services

T = TypeVar("T")


class Attempts:
    """Tries steps: first the host of a recording does its part, then the provider."""

    def __init__(
        self,
        claims: Claims,
        leases: Leases,
        services: Services,
        failures: Failures,
        stop_because: Callable[[ProviderStoppedError], None],
    ) -> None:
        """Take who judges and records failures, and how to stop the run."""
        self._claims = claims
        self._leases = leases
        self._services = services
        self._failures = failures
        self._stop_because = stop_because

    async def prepare(self, flight: Flight, step: Awaitable[object]) -> None:
        """Prepare a file."""
        flight.prepared = await self._attempt(flight, step, flight.job.host)
        if flight.prepared is None:
            return
        if flight.is_dropped:  # Just now: nobody else will close it.
            flight.prepared.close()
        await self._services.downloaded(flight.job.host)

    async def transcribe(self, flight: Flight, step: Awaitable[T]) -> T | None:
        """Return what the provider made of a file, or None."""
        return await self._attempt(flight, step, self._services.provider)

    async def _attempt(self, flight: Flight, step: Awaitable[T], service: str | None) -> T | None:
        """Do a step; what is wrong with the file is recorded and ends here, as None."""
        try:
            return await step
        except FileFailure as failure:
            await self._services.failed(service, flight, failure)
        except LostClaim:
            pass  # The leases have dropped the file already.
        except ProviderStoppedError as stopped:
            self._stop_because(stopped)
            await self._claims.pause_provider(str(stopped))
            self._leases.forget(flight)
        except TranscriberError:
            raise
        except Exception as error:  # noqa: BLE001 (one bad file never stops a batch)
            await self._failures.record(flight, FileFailure(unexpected(error), permanent=False))
        return None
