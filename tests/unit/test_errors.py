"""What a driver says becomes one line for a person, without a secret."""

from __future__ import annotations

import psycopg
import pytest

from transcriber.core.errors import one_line


@pytest.mark.parametrize(
    ("variables", "said", "line"),
    [
        (
            {"PGHOST": "db.example.test"},
            "cannot find host None: x",
            "cannot find host 'db.example.test': x",
        ),
        ({"PGPASSWORD": "a"}, "a failed address", "*** failed address"),
        ({"PGPASSWORD": "5ecret"}, "the word 5ecret is wrong", "the word *** is wrong"),
        ({"PGPASSWORD": "(x"}, "the word (x is wrong", "the word *** is wrong"),
        ({"PGHOST": "x://me:5ecret@h"}, "no host None", "no host 'x://***@h'"),
        ({}, "first\nsecond", "first"),
    ],
)
def test_one_line(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str, line: str
) -> None:
    for name in ("PGHOST", "PGPASSWORD"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert one_line(psycopg.OperationalError(said)) == line
