"""A migration's file, and whether it is still what was applied."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from transcriber.core.errors import MigrationError

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


@dataclass(frozen=True)
class Migration:
    """A migration's file, and when and with which content it was applied to the database."""

    id: str
    path: Path
    applied_at: datetime | None = None  # In UTC, without a time zone.
    sha256: str | None = None

    @property
    def fault(self) -> str | None:
        """The reason why no further migration may be applied, if there is one."""
        if self.applied_at is None:
            return None
        if not self.path.exists():
            return (
                f"migration {self.id} was applied, but is missing in {self.path.parent}:"
                " restore the file, or use the release of transcriber that has it"
            )
        if self.sha256 not in (None, sha256_of(self.path)):
            return (
                f"migration {self.id} was edited after it had been applied:"
                " restore the file, and write the change as a new migration"
            )
        return None

    def describe(self) -> str:
        """Return the migration's line in a list of migrations."""
        if self.applied_at is None:
            return f"{self.id}  pending"
        line = f"{self.id}  applied {self.applied_at:%Y-%m-%d %H:%M:%S} UTC"
        return f"{line}  ({self.fault})" if self.fault else line


def refuse_faults(migrations: list[Migration]) -> None:
    """Raise an error that names each applied migration whose file was edited or is missing."""
    if faults := [migration.fault for migration in migrations if migration.fault]:
        raise MigrationError("; ".join(faults))


def sha256_of(path: Path) -> str:
    """Hash a file as it is in git, also if the checkout has Windows' line ends."""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()
