"""The queue that operators look at and change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.operated_queue import OperatedQueue

if TYPE_CHECKING:
    import psycopg


@pytest.fixture
def queue(connection: psycopg.Connection) -> OperatedQueue:
    """Return an empty queue in the test's own database."""
    return OperatedQueue(connection)
