"""URLs, paths, addresses and phone numbers are masked in the reasons of failures."""

from __future__ import annotations

import pytest

from transcriber.core.masking import masked


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (None, None),
        ("", ""),
        ("not audio: HTTP 404", "not audio: HTTP 404"),
        ("audio/mpeg is not 10.0.0.0/8", "audio/mpeg is not 10.0.0.0/8"),
        ("larger than 209,715,200 bytes", "larger than 209,715,200 bytes"),
        ("truncated: 12345.6 of 12345.9 seconds", "truncated: 12345.6 of 12345.9 seconds"),
        ("at https://a.test/x?y=1 it", "at […] it"),
        ("with url: /vr/PR_1.mp3", "with url: […]"),
        ("ask a@b.test\nnow", "ask […] now"),
        ("call +49 (151) 106-350 04 now", "call […] now"),
        ("call 030.231.25.000 now", "call […] now"),
        ("call 06.12.34.56.78 now", "call […] now"),
        ("call 300.30.23.125 now", "call […] now"),
        ("not one of http:// or https://", "not one of http:// or https://"),
        ("at http://[::1]/x it", "at […] it"),
        (
            "the host's address 192.168.100.20 is not public",
            "the host's address 192.168.100.20 is not public",
        ),
        ("x" * 300, "x" * 199 + "…"),
    ],
    ids=str,
)
def test_reasons_are_masked(error: str | None, shown: str | None) -> None:
    assert masked(error) == shown
