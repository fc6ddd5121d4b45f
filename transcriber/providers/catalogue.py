"""The models that are known, with their prices: models.csv, one dated row per price."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Price:
    """A price in US dollars: per minute of sound, or per million tokens."""

    per_minute: float | None
    per_million_input_tokens: float
    per_million_output_tokens: float

    def of(self, usage: Mapping[str, object] | None, audio_seconds: float) -> float | None:
        """Return what a transcript cost; None where the provider did not say enough.

        `usage` is what the provider says it counted, `audio_seconds` what we found in the file.
        """
        counted = {key: _count(value) for key, value in (usage or {}).items()}
        if self.per_minute is not None:
            return self.per_minute * (counted.get("seconds") or audio_seconds) / 60
        tokens_in, tokens_out = counted.get("input_tokens"), counted.get("output_tokens")
        if tokens_in is None or tokens_out is None:
            return None
        return (
            tokens_in * self.per_million_input_tokens + tokens_out * self.per_million_output_tokens
        ) / 1_000_000


def _count(value: object) -> float | None:
    """Return a number of a server's usage; None where it is no amount of anything."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return value if 0 <= value < math.inf else None


@cache
def price_of(provider: str, model: str) -> Price | None:
    """Return the newest price of a model; a row without a model is for all of a provider's."""
    text = files("transcriber").joinpath("providers", "models.csv").read_text("utf-8")
    rows = [
        row
        for row in csv.DictReader(text.splitlines())
        if row["provider"] == provider and row["model"] in ("", model)
    ]
    if not rows:
        return None
    row = max(rows, key=lambda each: each["valid_from"])
    per_minute = row["usd_per_audio_minute"]
    return Price(
        per_minute=float(per_minute) if per_minute else None,
        per_million_input_tokens=float(row["usd_per_million_input_tokens"] or 0),
        per_million_output_tokens=float(row["usd_per_million_output_tokens"] or 0),
    )
