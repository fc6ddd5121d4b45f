"""What a provider's HTTP error means, for the file, for the pace and for the run."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from transcriber.core.http import retry_after_seconds
from transcriber.core.masking import masked
from transcriber.core.verdicts import FileFailure, ProviderStoppedError, Suspect, Throttled, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

# With these words no file will succeed until somebody pays or raises a limit. Servers send them
# with any status and in any field. "billing" alone is none of them: a 429 that asks to wait names
# the page where a payment method can be added.
EXHAUSTED = re.compile(
    r"insufficient[_ ](quota|credits?|funds|balance)|credit_balance|out of credits"
    r"|billing_(not_active|hard_limit\w*)|account is not active|(spend|usage)_limit_exceeded"
    r"|exceeded your current quota|quota_exceeded|payment[_ ]required|arrears",
    re.IGNORECASE,
)
REGION = re.compile(r"unsupported_country|region|territory|country", re.IGNORECASE)

THROTTLED = "the provider asks for fewer requests"
TOO_LARGE_STATUS, TOO_LARGE = 413, "the file is larger than the provider takes"


@dataclass(frozen=True)
class Problem:
    """What an error's body says, in whatever shape a server words it."""

    code: str = ""
    kind: str = ""
    param: str = ""
    message: str = ""

    def __str__(self) -> str:
        """Return a line for a failure's reason, without personal data."""
        names = [self.code or self.kind, f"param {self.param}" if self.param else ""]
        head = ", ".join(name for name in names if name)
        return masked(": ".join(part for part in (head, self.message) if part)) or ""


def problem_of(body: str) -> Problem:
    """Read an error's body: `{"error": {…}}`, flat, `{"detail": …}` or text."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        is_page = body.lstrip().startswith("<")
        return Problem(message="a web page" if is_page else body)
    while isinstance(found, dict) and (inner := found.get("error") or found.get("detail")):
        found = inner
    if isinstance(found, list) and found:  # FastAPI lists what it could not validate.
        found = found[0]
    if not isinstance(found, dict):
        return Problem(message=found if isinstance(found, str) else "")
    return Problem(
        code=_word(found, "code"),
        kind=_word(found, "type"),
        param=_word(found, "param", "loc"),
        message=_word(found, "message", "msg"),
    )


def _word(found: Mapping[str, Any], *keys: str) -> str:
    value = next((found[key] for key in keys if found.get(key)), "")
    return ".".join(map(str, value)) if isinstance(value, list) else str(value)


_LATER = Verdict.TRANSIENT, "the provider answered HTTP {status}"
_EXHAUSTED = Verdict.STOP, "the provider's credit or limit is used up ({said}): top it up"
# `said` is what the body says; `key_variable` is the variable with the provider's key.
ANSWERS: dict[int, tuple[Verdict, str]] = {
    401: (Verdict.STOP, "the provider refused the API key: set a valid {key_variable}"),
    402: _EXHAUSTED,
    403: (Verdict.STOP, "the API key may not use this model: grant it, or choose --model"),
    404: (
        Verdict.STOP,
        "the provider knows no such model or address ({said}): correct --model or the base URL",
    ),
    407: (Verdict.STOP, "the proxy asks for a password: give it in HTTPS_PROXY"),
    408: _LATER,
    409: _LATER,
    TOO_LARGE_STATUS: (Verdict.PERMANENT, TOO_LARGE),
    425: _LATER,
    429: (Verdict.THROTTLED, THROTTLED),
}
_REFUSED = Verdict.PERMANENT, "the provider refused the file (HTTP {status}): {said}"
_NOT_HERE = Verdict.STOP, "the provider does not serve this region ({said}): run it elsewhere"
_MOVED = Verdict.STOP, "the provider redirects (HTTP {status}): correct the base URL"


def judge(status: int, problem: Problem, *, key_variable: str) -> tuple[Verdict, str]:
    """Return the verdict on an error, and the reason or what a person must do.

    A body's `type` is not relied on: a 413 comes as a server error. `key_variable` is the
    environment variable that holds the provider's key.
    """
    said = str(problem)
    words = f"{problem.code} {problem.kind} {said}"
    if EXHAUSTED.search(words):
        verdict, reason = _EXHAUSTED
    elif status == 403 and REGION.search(words):
        verdict, reason = _NOT_HERE
    elif 300 <= status < 400:
        verdict, reason = _MOVED
    else:
        verdict, reason = ANSWERS.get(status, _LATER if status >= 500 else _REFUSED)
    names = {"status": status, "said": said or "without a reason", "key_variable": key_variable}
    return verdict, reason.format(**names)


def failure_of(
    status: int, body: str, headers: Mapping[str, str], *, key_variable: str
) -> FileFailure | Throttled | ProviderStoppedError:
    """Return what to raise for an HTTP error."""
    verdict, reason = judge(status, problem_of(body), key_variable=key_variable)
    retry_after = retry_after_seconds(headers)
    if verdict is Verdict.STOP:
        return ProviderStoppedError(f"Stopped: {reason}.")
    if verdict is Verdict.THROTTLED:
        return Throttled(retry_after)
    suspect = Suspect.SERVICE if verdict is Verdict.TRANSIENT else Suspect.REFUSAL
    return FileFailure(
        reason,
        permanent=verdict is Verdict.PERMANENT,
        code=status,
        retry_after=retry_after,
        suspect=None if status == TOO_LARGE_STATUS else suspect,
    )
