"""What a failure means, in one place: which are tried again, which never, which stop the run.

| verdict   | what happens                                                                   |
|-----------|--------------------------------------------------------------------------------|
| transient | the file cools down and is tried again, until its attempts are used up         |
| permanent | the file is not tried again until a person deletes its failure                 |
| throttled | the file keeps its claim and waits; no attempt is counted                      |
| stop      | no file can succeed until a person acts: the run ends, no attempt is counted   |
"""

from __future__ import annotations

from enum import StrEnum

from transcriber.core.errors import TranscriberError


class Verdict(StrEnum):
    """What to do about an answer that is not a transcript."""

    TRANSIENT = "transient"
    PERMANENT = "permanent"
    THROTTLED = "throttled"
    STOP = "stop"


class FileFailure(Exception):  # noqa: N818 (a verdict on one file, not an error of the program)
    """One file cannot be transcribed: not now (transient) or not ever (permanent).

    The reason goes into the database and the log: it names no URL, phone or secret.
    `retry_after` is in seconds.
    """

    def __init__(
        self,
        reason: str,
        *,
        permanent: bool,
        code: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        """Take the reason, and the HTTP status and Retry-After where there are any."""
        super().__init__(reason)
        self.permanent = permanent
        self.code = code
        self.retry_after = retry_after


class Throttled(Exception):  # noqa: N818 (an answer to obey)
    """The provider asks for fewer requests; `retry_after` is in seconds, where it said."""

    def __init__(self, retry_after: float | None = None) -> None:
        """Take the seconds that the provider asked to wait."""
        super().__init__("the provider asks for fewer requests")
        self.retry_after = retry_after


class LostClaim(Exception):  # noqa: N818 (news, not an error)
    """The file is somebody else's now: nothing may be paid for it."""


class ProviderStoppedError(TranscriberError):
    """The provider refuses every file until a person acts."""

    exit_code = 3
