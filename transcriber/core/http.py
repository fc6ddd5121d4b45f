"""HTTP headers that downloads and providers read: Retry-After and rate limits."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def retry_after_seconds(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return how many seconds to wait, or None if no header says so in a readable way.

    Retry-After is a number of seconds or a date (RFC 9110, 10.2.3). OpenAI's `retry-after-ms`
    is more precise and therefore read first.
    """
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        text = headers.get(name)
        if text is None:
            continue
        try:
            seconds = float(text) / unit
        except ValueError:
            try:
                date = parsedate_to_datetime(text)
            except ValueError:
                continue
            # RFC 9110 says that a date without a time zone is in UTC.
            date = date.replace(tzinfo=date.tzinfo or UTC)
            seconds = (date - (now or datetime.now(UTC))).total_seconds()
        if math.isfinite(seconds):
            return max(0.0, seconds)
    return None


@dataclass(frozen=True)
class RateLimit:
    """How many requests a provider still accepts, and the seconds until it accepts more."""

    remaining_requests: int
    reset_seconds: float


LONGEST_RESET_SECONDS = 120.0
UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def rate_limit(headers: Mapping[str, str]) -> RateLimit | None:
    """Read `x-ratelimit-remaining-requests: 0` and `x-ratelimit-reset-requests: 1m30.5s`.

    A provider that says more than two minutes is asked again after two: it may be wrong.
    """
    remaining = headers.get("x-ratelimit-remaining-requests", "")
    reset = headers.get("x-ratelimit-reset-requests", "")
    parts = re.findall(r"([0-9.]+)(ms|s|m|h)", reset)
    try:
        seconds = sum(float(number) * UNIT_SECONDS[unit] for number, unit in parts)
        return RateLimit(int(remaining), min(seconds, LONGEST_RESET_SECONDS)) if parts else None
    except ValueError:
        return None
