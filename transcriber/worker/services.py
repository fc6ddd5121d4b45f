"""Whose fault it is: the file's, or that of a service or an option that other files need as well.

A failure that says nothing about its file is held until another file succeeds at the same service:
then the file is at fault, and the failure counts. Where several files in a row fail, the service is
away. Then none of these failures counts, the claims go back, and all workers leave the service's
files alone; one file at a time probes whether it is back, and the first success ends the outage.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from transcriber.core.errors import TranscriberError
from transcriber.core.verdicts import FileFailure, Suspect
from transcriber.queue.jobs import Probe, ServiceOutage
from transcriber.worker.leases import Flight, Phase
from transcriber.worker.outcome import ServiceAway, ServiceBack

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from transcriber.queue.outages import Outages
    from transcriber.worker.failures import Failures
    from transcriber.worker.leases import Leases
    from transcriber.worker.outcome import Listener

    Held = list[tuple[Flight, FileFailure]]

# After so many different files in a row, the service is at fault and not they. A refusal by the
# provider is nearly always about its file, so more of them are needed.
FILES_IN_A_ROW = {Suspect.SERVICE: 5, Suspect.REFUSAL: 20, Suspect.OPTION: 20}

# The options stand among the services under a name that no service has.
OPTIONS = ""


class OptionError(TranscriberError):
    """An option of the run is wrong; nothing is counted against the files."""


class Services:
    """The services of one worker: which are away, and which failures are held."""

    def __init__(
        self, outages: Outages, leases: Leases, failures: Failures, listener: Listener
    ) -> None:
        """Take where outages and failures are recorded, and who hears of outages."""
        self._outages = outages
        self._leases = leases
        self._failures = failures
        self._listener = listener
        self._held: defaultdict[str, Held] = defaultdict(list)
        self._away: dict[str, ServiceOutage] = {}
        self._opening: set[str] = set()  # The table does not have these yet.
        self._tried: defaultdict[str, set[int]] = defaultdict(set)
        self._probing: dict[str, Flight] = {}
        self._are_options_right = False
        # How many files were let go; the intake sets it back when their claims are released.
        self.let_go = 0

    @property
    def provider(self) -> str:
        """Return the provider's account, which is the service of every file's second step."""
        return self._outages.account

    @property
    def away(self) -> frozenset[str]:
        """Return the services that are away."""
        return frozenset(self._away)

    async def failed(self, service: str | None, flight: Flight, failure: FileFailure) -> None:
        """Hear that a file failed at a service: count it, hold it, or let the file go."""
        suspect = failure.suspect
        if suspect is Suspect.OPTION and self._are_options_right:
            await self._failures.record(flight, failure)
        elif suspect is None or service is None:
            await self.succeeded(service)  # It is there, and has seen the file.
            await self._failures.record(flight, failure)
        elif service in self._away:
            self._let_go(service, [flight])
        else:
            await self._hold(service, flight, failure, suspect)

    async def succeeded(self, service: str | None) -> None:
        """Hear that a service did its part: its outage is over, and what was held counts."""
        if service in self._away:
            self._is_back(service)
            await self._outages.close(service)
        if service is not None and service in self._held:
            await self._record(self._held.pop(service))

    async def downloaded(self, service: str | None) -> None:
        """Hear that a file could be downloaded, so that the options are right, too."""
        await self.succeeded(service)
        self._are_options_right = True
        if OPTIONS in self._held:
            await self._record(self._held.pop(OPTIONS))

    async def settle(self) -> None:
        """Count what is held, because no other file is left that could tell whose fault it is."""
        for service in [service for service in self._held if service != OPTIONS]:
            await self._record(self._held.pop(service))

    def refuse_options(self) -> None:
        """End the run with the first failure that an option may have caused, if there is one."""
        if held := self._held.get(OPTIONS):
            raise OptionError(f"No file could be downloaded: {held[0][1]}")

    def learn(self, outages: Sequence[ServiceOutage]) -> None:
        """Hear from a claim which services are away, as all workers see it."""
        for service in self._away.keys() - {each.service for each in outages} - self._opening:
            self._is_back(service)
        for outage in outages:
            known = self._away.get(outage.service)
            if known is None:
                self._is_away(outage)
            elif known.next_try_at != outage.next_try_at:
                self._away[outage.service] = outage
                self._listener(ServiceAway.of(outage))

    async def take_probe(self) -> Probe | None:
        """Return at which service this worker has to look, if it is its turn."""
        probing = [
            service
            for service, flight in self._probing.items()
            if flight in self._leases and flight.phase is not Phase.WRITING
        ]
        service = await self._outages.take_probe(probing)
        if service is None:
            return None
        return Probe(service, service == self.provider, sorted(self._tried[service]))

    def probe_with(self, probe: Probe, flights: Sequence[Flight]) -> None:
        """Hear which file was claimed for a probe. Where all were tried, begin again."""
        if flights:
            self._probing[probe.service] = flights[0]
        else:
            self._tried[probe.service].clear()

    async def _hold(
        self, service: str, flight: Flight, failure: FileFailure, suspect: Suspect
    ) -> None:
        held = self._held[OPTIONS if suspect is Suspect.OPTION else service]
        # Where the words of the refusals differ, each of them is about its own file.
        others = [*held] if held and _way(held[-1][1]) != _way(failure) else []
        del held[: len(others)]
        self._leases.hold_back(flight)
        held.append((flight, failure))
        if len(held) >= FILES_IN_A_ROW[suspect]:
            if suspect is Suspect.OPTION:
                self.refuse_options()
            await self._open(service, str(failure))
        await self._record(others)

    async def _open(self, service: str, reason: str) -> None:
        now = datetime.now(UTC)
        self._opening.add(service)
        self._is_away(
            ServiceOutage(
                service, service == self.provider, reason, now, now + timedelta(seconds=1)
            )
        )
        try:
            await self._outages.open(service, reason)
        finally:
            self._opening.discard(service)

    def _is_away(self, outage: ServiceOutage) -> None:
        service = outage.service
        self._away[service] = outage
        self._let_go(service, (flight for flight, _ in self._held.pop(service, ())))
        self.let_go += self._leases.drop_ahead(None if outage.is_provider else service)
        self._listener(ServiceAway.of(outage))

    def _is_back(self, service: str) -> None:
        del self._away[service]
        self._tried.pop(service, None)
        self._probing.pop(service, None)
        self._listener(ServiceBack(service))
        self._leases.changed.set()

    def _let_go(self, service: str, flights: Iterable[Flight]) -> None:
        for flight in flights:
            self._tried[service].add(flight.job.audio_file_id)
            self._leases.forget(flight)
            self.let_go += 1

    async def _record(self, held: Held) -> None:
        for flight, failure in held:
            await self._failures.record(flight, failure)


def _way(failure: FileFailure) -> tuple[Suspect | None, str]:
    """Return what failures of the same outage have in common."""
    return failure.suspect, str(failure) if failure.suspect is Suspect.REFUSAL else ""
