"""Pauses: list the providers that no worker may use, and let the workers use them again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from transcriber.core.masking import masked
from transcriber.db.connect import fetch

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg.rows import DictRow

    from transcriber.db.connect import Connection


@dataclass(frozen=True)
class Pause:
    """A paused provider, with the reason that the worker recorded when it paused the provider.

    `account_hash` is the hash of the key, the model and the base URL whose workers are paused; None
    means all workers of the provider.
    """

    provider: str
    account_hash: str | None
    reason: str | None
    paused_by: str
    paused_at: datetime


def read_pauses(connection: Connection) -> list[Pause]:
    """Return the providers that are paused."""
    return [_pause(row) for row in fetch(connection, "operate/paused_providers")]


def resume_provider(connection: Connection, provider: str, *, dry_run: bool) -> list[Pause]:
    """Delete a provider's pauses and return them."""
    with connection.transaction(force_rollback=dry_run):
        rows = fetch(connection, "operate/resume_provider", {"provider": provider})
    return [_pause(row) for row in rows]


def _pause(row: DictRow) -> Pause:
    return Pause(**{**row, "reason": masked(row["reason"])})
