"""Services that are away, as all workers see them: hosts of recordings, and providers' accounts."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from transcriber.core.masking import masked
from transcriber.queue.jobs import ServiceOutage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from transcriber.queue.statement import Statements


class Outages:
    """The table of outages; the statements decide whose turn it is to look."""

    def __init__(self, statements: Statements, account: str) -> None:
        """Take what runs the statements, and the account of this worker's provider."""
        self._statements = statements
        self.account = account

    async def open(self, service: str, reason: str) -> None:
        """Tell every worker that a service is away."""
        await self._statements.fetch(
            "open_outage",
            {"service": service, "is_provider": service == self.account, "error": reason},
        )

    async def close(self, service: str) -> None:
        """Tell every worker that a service is back."""
        await self._statements.fetch("close_outage", {"service": service})

    async def take_probe(self, probed_already: Iterable[str]) -> str | None:
        """Return a service at which this worker has to look now, if it is its turn."""
        parameters = {"paused_as": self.account, "probed_already": [*probed_already]}
        rows = await self._statements.fetch("take_probe", parameters)
        return rows[0]["service"] if rows else None


def read_outages(found: Sequence[Mapping[str, Any]] | None) -> list[ServiceOutage]:
    """Read the outages as claim.sql returns them."""
    return [
        ServiceOutage(
            **{
                **row,
                "reason": masked(row["reason"]),
                "since": datetime.fromisoformat(row["since"]),
                "next_try_at": datetime.fromisoformat(row["next_try_at"]),
            }
        )
        for row in found or ()
    ]
