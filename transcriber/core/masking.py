"""Hide URLs, phone numbers and e-mail addresses in texts for screens, logs and tickets.

transcriber itself records none of them, but other programs write to the same tables.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re

MASK = "[…]"
MAX_LENGTH = 200

# Matches a URL, the path of a URL, an e-mail address and the id of a recording, but none of http://,
# audio/mpeg and 10.0.0.0/8.
_LOCATION = re.compile(r"://\S|/[^/].*[/.?=]|\S@\S|PR_")
# Matches seven or more digits, grouped in any way, but not 209,715,200.
_NUMBER = re.compile(
    r"(?P<address>(?<![\d.+])\d+[.]\d+[.]\d+[.]\d+(?![\d.]))|\+?\d(?:[ ()/.-]*\d){6,}"
)


def masked(text: str | None) -> str | None:
    """Return at most 200 characters of a text on one line, with personal data masked."""
    if text is None:
        return None
    words = (MASK if _LOCATION.search(word) else word for word in text[: 10 * MAX_LENGTH].split())
    line = _NUMBER.sub(_masked_number, " ".join(words))
    return line if len(line) <= MAX_LENGTH else f"{line[: MAX_LENGTH - 1]}…"


def _masked_number(found: re.Match[str]) -> str:
    """Keep an IP address, which an operator needs to know; no octet of one begins with a 0."""
    if found["address"]:
        with contextlib.suppress(ValueError):
            return str(ipaddress.IPv4Address(found["address"]))
    return MASK
