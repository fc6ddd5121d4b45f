"""Headers that say how long to wait: seconds, milliseconds, a date, or no sense at all."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from transcriber.core.http import (
    LONGEST_RESET_SECONDS,
    RateLimit,
    rate_limit,
    retry_after_seconds,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "Sun, 22 Nov 2026 12:00:30 GMT"}, 30),
        ({"retry-after": "Sun, 22 Nov 2026 12:00:30"}, 30),
        ({"retry-after": "Sun, 22 Nov 2026 11:00:00 GMT"}, 0),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "?", "retry-after": "9"}, 9),
    ],
    ids=str,
)
def test_retry_after_is_a_number_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_seconds(headers, NOW) == seconds


@pytest.mark.parametrize(
    ("remaining", "reset", "expected"),
    [
        ("0", "1m30.5s", RateLimit(0, 90.5)),
        ("12", "250ms", RateLimit(12, 0.25)),
        ("0", "999999h", RateLimit(0, LONGEST_RESET_SECONDS)),
        ("0", "soon", None),
        ("few", "1s", None),
        ("0", "1.2.3s", None),
        ("", "", None),
    ],
)
def test_a_rate_limit_is_read_and_bounded(
    remaining: str, reset: str, expected: RateLimit | None
) -> None:
    headers = {
        "x-ratelimit-remaining-requests": remaining,
        "x-ratelimit-reset-requests": reset,
    }
    assert rate_limit(headers) == expected
