"""What a provider's HTTP error means, for the file, for the pace and for the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from transcriber.core.http import retry_after_seconds
from transcriber.core.verdicts import FileFailure, ProviderStoppedError, Throttled, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

# A 429 is two things. With these codes no file will succeed until somebody pays or raises a limit.
EXHAUSTED_CODES = frozenset(
    {
        "credit_balance_exhausted",
        "insufficient_quota",
        "organization_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
        "project_spend_limit_exceeded",
    }
)

THROTTLED = "the provider asks for fewer requests"
TOO_LARGE = "the file is larger than the provider takes"


def judge(status: int, code: str | None, *, key_variable: str) -> tuple[Verdict, str]:
    """Return the verdict on an error, and the reason or what a person must do.

    Only the status and the code count, because the `type` in a body is not reliable: a 413 comes
    as a server error. `key_variable` is the environment variable that holds the provider's key.
    """
    verdict, reason = Verdict.PERMANENT, f"the provider refused the file (HTTP {status})"
    match status:
        case 401:
            verdict = Verdict.STOP
            reason = f"the provider refused the API key: set a valid {key_variable}"
        case 403:
            verdict = Verdict.STOP
            reason = "the API key may not use this model: grant it, or choose --model"
        case 404 if code == "model_not_found":
            verdict = Verdict.STOP
            reason = "the provider does not know this model: choose another --model"
        case 429 if code in EXHAUSTED_CODES:
            verdict = Verdict.STOP
            reason = f"the provider's credit or limit is used up ({code}): top it up"
        case 429:
            verdict, reason = Verdict.THROTTLED, THROTTLED
        case 413:
            reason = TOO_LARGE
        case _ if status in {404, 408, 409, 425} or status >= 500:
            verdict, reason = Verdict.TRANSIENT, f"the provider answered HTTP {status}"
    return verdict, reason


def failure_of(
    status: int, code: str | None, headers: Mapping[str, str], *, key_variable: str
) -> FileFailure | Throttled | ProviderStoppedError:
    """Return what to raise for an HTTP error."""
    verdict, reason = judge(status, code, key_variable=key_variable)
    retry_after = retry_after_seconds(headers)
    if verdict is Verdict.STOP:
        return ProviderStoppedError(f"Stopped: {reason}.")
    if verdict is Verdict.THROTTLED:
        return Throttled(retry_after)
    return FileFailure(
        reason, permanent=verdict is Verdict.PERMANENT, code=status, retry_after=retry_after
    )
