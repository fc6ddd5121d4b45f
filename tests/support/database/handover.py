"""The SQL of the handover guide, as it stands there but for fictional campaigns."""

from __future__ import annotations

import re
from typing import LiteralString

from tests.support import DATA

FOLDER = DATA / "handover"


def statement(name: str) -> LiteralString:
    """Return a statement for psycopg: `:name` becomes `%(name)s`, a `::cast` stays."""
    text = (FOLDER / f"{name}.sql").read_text("utf-8").replace("%", "%%")
    return re.sub(r"(?<![\w:]):([a-z]\w*)", r"%(\1)s", text)
