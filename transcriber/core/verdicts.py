"""What a failure means for the file and for the run.

| verdict   | what happens                                                                       |
|-----------|------------------------------------------------------------------------------------|
| transient | the file cools down, and is tried again until its attempts are used up             |
| permanent | the file is not tried again until a person runs `transcriber retry`                |
| throttled | the file keeps its claim and waits; the attempt does not count                     |
| stop      | no file can succeed until a person acts: the run ends, and no attempt counts       |
"""

from __future__ import annotations

import traceback
from enum import StrEnum
from pathlib import Path

from transcriber.core.errors import TranscriberError


class Verdict(StrEnum):
    """What to do after an answer that is not a transcript."""

    TRANSIENT = "transient"
    PERMANENT = "permanent"
    THROTTLED = "throttled"
    STOP = "stop"


class Suspect(StrEnum):
    """What may be at fault in a file's place, as long as no other file succeeds there."""

    OPTION = "option"  # An option of the run.
    SERVICE = "service"  # The recordings' host or the provider: it is away, or refuses everybody.
    REFUSAL = "refusal"  # The provider, where it refuses every file with the same words.


class FileFailure(Exception):
    """One file cannot be transcribed: not now (transient) or not at all (permanent).

    The worker writes the reason into the database and the log, so the reason must not contain a
    URL, a phone number or a secret. `retry_after` is in seconds. With `most_attempts`, it becomes
    permanent earlier than other failures. `suspect` is what may be at fault in the file's place.
    With `may_still_come`, the failure of a call that ended just now is transient.
    """

    def __init__(
        self,
        reason: str,
        *,
        permanent: bool,
        code: int | None = None,
        retry_after: float | None = None,
        most_attempts: int | None = None,
        suspect: Suspect | None = None,
        may_still_come: bool = False,
    ) -> None:
        """Take the reason, and an HTTP answer's status and Retry-After."""
        super().__init__(reason)
        self.permanent = permanent
        self.code = code
        self.retry_after = retry_after
        self.most_attempts = most_attempts
        self.suspect = suspect
        self.may_still_come = may_still_come


class Throttled(Exception):
    """The provider asks for fewer requests, and perhaps to wait `retry_after` seconds."""

    def __init__(self, retry_after: float | None = None) -> None:
        """Take the seconds that the provider asks to wait, if it says so."""
        super().__init__("the provider asks for fewer requests")
        self.retry_after = retry_after


class LostClaim(Exception):
    """Another worker has claimed the file, so this worker must not pay for it."""


class ProviderStoppedError(TranscriberError):
    """The provider refuses every file until a person acts."""

    exit_code = 3


def unexpected(error: Exception) -> str:
    """Name an unforeseen error and its place, but not its text, which may hold personal data."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"unexpected {type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
