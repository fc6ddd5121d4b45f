"""Errors that end a command: one line for a person, which names the next step."""

from __future__ import annotations

import os
import re
from typing import Self


class TranscriberError(Exception):
    """Something went wrong."""

    exit_code = 2

    def __init__(self, message: str | None = None) -> None:
        """Without a message, use the first line of the class's docstring."""
        super().__init__(message or (type(self).__doc__ or "").partition("\n")[0])


class DatabaseUnavailableError(TranscriberError):
    """Cannot connect to PostgreSQL: set PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE."""

    @classmethod
    def because(cls, error: Exception) -> Self:
        """Return the error with the driver's message behind its own."""
        return cls(f"{str(cls()).rstrip('.')} ({one_line(error)})")


class SchemaMissingError(TranscriberError):
    """The media_pipeline tables are missing or old: run `transcriber migrate` first."""


class MigrationError(TranscriberError):
    """A migration failed: see `transcriber migrate --list`."""


def one_line(error: Exception) -> str:
    """Return PostgreSQL's message and hint on one line, without passwords."""
    message = str(error).partition("\n")[0]
    if primary := getattr(getattr(error, "diag", None), "message_primary", None):
        hint = error.diag.message_hint  # type: ignore[attr-defined]
        message = f"{primary}; {hint}" if hint else primary
    # psycopg does not read PGHOST, so it says None where that variable names the host.
    message = message.replace("host None", f"host '{os.environ.get('PGHOST', '')}'")
    if password := os.environ.get("PGPASSWORD"):
        # As a word: a password of one letter must not cut all the others.
        message = re.sub(rf"(?<!\w){re.escape(password)}(?!\w)", "***", message)
    # libpq repeats PGHOST in its messages, and people put whole URLs with a password there.
    return re.sub(r"://[^@\s]*@", "://***@", message)
