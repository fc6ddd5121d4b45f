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


# A 429 is two things. These say that no file will succeed until somebody pays or raises a limit.
EXHAUSTED_CODES = frozenset(
    {
        "credit_balance_exhausted",
        "insufficient_quota",
        "organization_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
        "project_spend_limit_exceeded",
    }
)


def judge_provider_answer(  # noqa: PLR0911 (a table)
    status: int, code: str | None
) -> tuple[Verdict, str]:
    """Return the verdict on a provider's HTTP error, and the reason or what a person must do.

    Judged by the status: the `type` in the body is not reliable (413 comes as a server error).
    """
    match status:
        case 401:
            return Verdict.STOP, "the provider refused the API key: set a valid OPENAI_API_KEY"
        case 403:
            return Verdict.STOP, "the API key may not use this model: grant it, or choose --model"
        case 404 if code == "model_not_found":
            return Verdict.STOP, "the provider does not know this model: choose another --model"
        case 429 if code in EXHAUSTED_CODES:
            return Verdict.STOP, f"the provider's credit or limit is used up ({code}): top it up"
        case 429:
            return Verdict.THROTTLED, "the provider asks for fewer requests"
        case 404 | 408 | 409 | 425:
            return Verdict.TRANSIENT, f"the provider answered HTTP {status}"
        case 413:
            return Verdict.PERMANENT, "the file is larger than the provider takes"
        case _ if status >= 500:
            return Verdict.TRANSIENT, f"the provider answered HTTP {status}"
        case _:
            return Verdict.PERMANENT, f"the provider refused the file (HTTP {status})"


def is_transient_download(status: int) -> bool:
    """Tell whether a host that answers a download with this status may do better later."""
    return status in {408, 409, 425, 429} or status >= 500
