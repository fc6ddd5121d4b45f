"""Words of others without what could be personal: for screens, logs and tickets.

What this program records names no URL and no phone; other programs write to the same tables.
"""

from __future__ import annotations

import re

MASK = "[…]"
LONGEST = 200

# a URL, a path of one, an e-mail address, a recording's id; but not audio/mpeg or 10.0.0.0/8
_LOCATION = re.compile(r"://|/.*[/.?=]|\S@\S|PR_")
# seven digits or more, however they are grouped; but not 209,715,200
_NUMBER = re.compile(r"\+?\d(?:[ ()/.-]*\d){6,}")


def masked(text: str | None) -> str | None:
    """Return the text on one line, at most 200 characters of it, locations and phones hidden."""
    if text is None:
        return None
    words = (MASK if _LOCATION.search(word) else word for word in text[: 10 * LONGEST].split())
    line = _NUMBER.sub(MASK, " ".join(words))
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
