"""The SQL of this package: one query a file, in the sql/ of the folder that runs it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import LiteralString


@cache
def query(name: str) -> LiteralString:
    """Return the text of a query, whose parameters are written `%(named)s`.

    `queue/claim` stands for transcriber/queue/sql/claim.sql.
    """
    # a packaged file is as constant as the literal that psycopg asks for
    folder, _, file = name.partition("/")
    return files("transcriber").joinpath(folder, "sql", f"{file}.sql").read_text("utf-8")
