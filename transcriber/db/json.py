"""JSON that PostgreSQL can store: PostgreSQL refuses NUL, lone surrogates and NaN."""

from __future__ import annotations

import json
import math
from contextlib import suppress


def as_json(value: object) -> str:
    """Return a value as JSON that PostgreSQL can store."""
    with suppress(ValueError):  # json.dumps refuses NaN, and encode refuses a lone surrogate.
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
        if "\\u0000" not in text:
            return text
    # Clean the value only here, because a walk in Python through the times of every word takes 20
    # times as long as json.dumps.
    return json.dumps(storable(value), ensure_ascii=False)


def storable(value: object) -> object:
    """Return text or JSON without what PostgreSQL refuses; NaN and infinity become null."""
    match value:
        case str():
            return value.replace("\x00", "").encode("utf-8", "ignore").decode("utf-8")
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {storable(key): storable(each) for key, each in value.items()}
        case list() | tuple():
            return [storable(each) for each in value]
        case _:
            return value
