"""Outages: list the hosts and the providers that are away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from transcriber.core.masking import masked
from transcriber.db.connect import fetch

if TYPE_CHECKING:
    from datetime import datetime

    from transcriber.db.connect import Connection


@dataclass(frozen=True)
class Outage:
    """A service that is away; a worker looks whether it is back when `next_try_at` has come."""

    service: str
    reason: str | None
    since: datetime
    next_try_at: datetime


def read_outages(connection: Connection) -> list[Outage]:
    """Return the services that are away, the longest outage first."""
    rows = fetch(connection, "operate/service_outages")
    return [Outage(**{**row, "reason": masked(row["reason"])}) for row in rows]
