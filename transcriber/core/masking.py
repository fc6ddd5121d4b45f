"""Hide URLs, phone numbers and e-mail addresses in texts for screens, logs and tickets.

transcriber itself records none of them, but other programs write to the same tables.
"""

from __future__ import annotations

import re

MASK = "[…]"
MAX_LENGTH = 200

# Matches a URL, the path of a URL, an e-mail address and the id of a recording, but neither
# audio/mpeg nor 10.0.0.0/8.
_LOCATION = re.compile(r"://|/.*[/.?=]|\S@\S|PR_")
# Matches seven or more digits, grouped in any way, but not 209,715,200.
_NUMBER = re.compile(r"\+?\d(?:[ ()/.-]*\d){6,}")


def masked(text: str | None) -> str | None:
    """Return at most 200 characters of a text on one line, with personal data masked."""
    if text is None:
        return None
    words = (MASK if _LOCATION.search(word) else word for word in text[: 10 * MAX_LENGTH].split())
    line = _NUMBER.sub(MASK, " ".join(words))
    return line if len(line) <= MAX_LENGTH else f"{line[: MAX_LENGTH - 1]}…"
