"""What a transcript costs, by the rows of models.csv."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from transcriber.providers import catalogue
from transcriber.providers.catalogue import price_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS = """\
provider,model,usd_per_audio_minute,usd_per_million_input_tokens,usd_per_million_output_tokens,valid_from
acme,by-minute,0.006,,,2024-01-01
acme,by-minute,0.003,,,2026-02-01
acme,by-minute,0.009,,,2025-01-01
acme,by-token,,2.5,10,2026-01-01
free,,0,,,2026-01-01
"""


@pytest.fixture
def own_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Read these rows in place of models.csv."""
    (tmp_path / "providers").mkdir()
    (tmp_path / "providers" / "models.csv").write_text(ROWS)
    monkeypatch.setattr(catalogue, "files", lambda _package: tmp_path)
    price_of.cache_clear()
    yield
    price_of.cache_clear()


@pytest.mark.usefixtures("own_rows")
@pytest.mark.parametrize(
    ("provider", "model", "usage", "audio_seconds", "cost"),
    [
        ("acme", "by-minute", None, 120.0, 0.006),
        ("acme", "by-minute", {"seconds": 60}, 120.0, 0.003),
        ("acme", "by-minute", {"seconds": 0}, 120.0, 0.006),
        ("acme", "by-token", {"input_tokens": 1_000_000, "output_tokens": 100_000}, 60.0, 3.5),
        ("acme", "by-token", {"input_tokens": 1_000_000}, 60.0, None),
        ("acme", "by-token", None, 60.0, None),
        ("free", "any model", None, 3600.0, 0.0),
    ],
)
def test_a_transcript_costs_what_its_row_says(
    provider: str,
    model: str,
    usage: dict[str, float] | None,
    audio_seconds: float,
    cost: float | None,
) -> None:
    price = price_of(provider, model)
    assert price is not None
    assert price.of(usage, audio_seconds) == (None if cost is None else pytest.approx(cost))


@pytest.mark.usefixtures("own_rows")
@pytest.mark.parametrize(("provider", "model"), [("acme", "unknown"), ("nobody", "by-minute")])
def test_a_model_without_a_row_has_no_price(provider: str, model: str) -> None:
    assert price_of(provider, model) is None


@pytest.mark.parametrize(("provider", "model"), [("openai", "whisper-1"), ("local", "large-v3")])
def test_the_models_of_our_providers_have_a_price(provider: str, model: str) -> None:
    assert price_of(provider, model) is not None
