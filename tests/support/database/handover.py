"""The SQL of the handover guide: how other programs read and write the tables.

The files in tests/data/handover hold it word for word, except that the campaigns are fictional.
"""

from __future__ import annotations

import re
from typing import LiteralString

from tests.support import DATA

FOLDER = DATA / "handover"


def statement(name: str) -> LiteralString:
    """Return a statement for psycopg, with `%(name)s` for each `:name`; a `::cast` stays."""
    text = (FOLDER / f"{name}.sql").read_text("utf-8").replace("%", "%%")
    return re.sub(r"(?<![\w:]):([a-z]\w*)", r"%(\1)s", text)
