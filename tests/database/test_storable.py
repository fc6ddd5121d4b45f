"""JSON loses only what PostgreSQL would refuse, before it is sent."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest

from transcriber.db.json import storable

if TYPE_CHECKING:
    from psycopg import Connection


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("a\x00b", "ab"),
        ("a\ud800b", "ab"),
        ("\U0001f4de ä", "\U0001f4de ä"),
        ("a literal \\u0000", "a literal \\u0000"),
        ([math.nan, math.inf, 1.5], [None, None, 1.5]),
        ({"k\x00": ["\x00", {"n": -math.inf}]}, {"k": ["", {"n": None}]}),
        (None, None),
        (True, True),
    ],
    ids=ascii,
)
def test_only_what_postgres_refuses_is_left_out(
    connection: Connection, value: Any, stored: Any
) -> None:
    clean = storable(value)
    assert clean == stored
    (back,) = connection.execute("select %s::jsonb", [json.dumps(clean)]).fetchone() or ()
    assert back == stored
