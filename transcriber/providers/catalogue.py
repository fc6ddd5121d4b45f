"""The models that are known, with their prices: models.csv, one dated row per price."""

from __future__ import annotations

import csv
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

    def of(self, usage: Mapping[str, float] | None, audio_seconds: float) -> float | None:
        """Return what a transcript cost; None where the provider did not say enough.

        `usage` is what the provider says it counted, `audio_seconds` what we found in the file.
        """
        usage = usage or {}
        if self.per_minute is not None:
            seconds = usage.get("seconds") or audio_seconds
            return self.per_minute * float(seconds) / 60
        if "input_tokens" not in usage or "output_tokens" not in usage:
            return None
        return (
            float(usage["input_tokens"]) * self.per_million_input_tokens
            + float(usage["output_tokens"]) * self.per_million_output_tokens
        ) / 1_000_000


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
