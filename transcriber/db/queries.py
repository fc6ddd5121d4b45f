"""The SQL of this package: one query a file, in the sql/ of the folder that runs it."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import LiteralString

_INCLUDE = re.compile(r"^ *-- include: (?P<file>\S+)$", re.MULTILINE)


@cache
def query(name: str) -> LiteralString:
    """Return the text of a query, whose parameters are written `%(named)s`.

    `queue/claim` stands for transcriber/queue/sql/claim.sql. A line `-- include: FILE` stands for
    the text of a file beside it, so that two queries share what must be the same in both.
    """
    folder, _, file = name.partition("/")
    directory = files("transcriber").joinpath(folder, "sql")

    def read(file: str) -> str:
        return directory.joinpath(file).read_text("utf-8")

    # A packaged file is as constant as the literal that psycopg's type asks for.
    return _INCLUDE.sub(lambda line: read(line["file"]), read(f"{file}.sql"))
