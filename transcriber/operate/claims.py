"""Claims: list the workers that hold files, and take claims away from a worker that is gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from transcriber.db.connect import fetch

if TYPE_CHECKING:
    from datetime import datetime

    from transcriber.db.connect import Connection


@dataclass(frozen=True)
class ClaimHolder:
    """A worker that holds claims.

    `expires_at` is when the first of them expires, None if they never expire.
    """

    worker: str
    files: int
    expired_files: int
    expires_at: datetime | None


@dataclass(frozen=True)
class Released:
    """A worker that lost claims, and how many files it had claimed."""

    worker: str
    files: int


def read_claim_holders(connection: Connection) -> list[ClaimHolder]:
    """Return every worker that holds a claim, also one that has expired."""
    return [ClaimHolder(**row) for row in fetch(connection, "operate/claim_holders")]


def release_claims(
    connection: Connection, *, expired: bool, worker: str | None, dry_run: bool
) -> list[Released]:
    """Delete the claims that have expired, or a worker's, or a worker's that have expired."""
    parameters = {"only_expired": expired, "worker": worker}
    with connection.transaction(force_rollback=dry_run):
        rows = fetch(connection, "operate/release_claims", parameters)
    return [Released(**row) for row in rows]
