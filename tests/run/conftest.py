"""The pipeline that `transcriber run` works in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.pipeline import Pipeline, running_pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection


@pytest.fixture
def pipeline(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    """Run a host and a provider beside the test's own database."""
    with running_pipeline(connection, monkeypatch) as pipeline:
        yield pipeline
