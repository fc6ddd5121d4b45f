"""The refresh without dbt: the statements that it sends, for tests and benchmarks to run."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection

    from tests.support.refresh.dbt import Dbt

VARS: dict[str, Any] = {
    "campaign_ids": [f"CAMPAIGN{n}" for n in range(1, 9)],
    "default_campaign_name": "outbound campaigns",
}

# Behind dbt's comment, the first word of a query that changes the database. Everything else that a
# model sends reads the catalogue of PostgreSQL.
_WRITES = re.compile(r"(/\*.*?\*/)?\s*(set local|insert into|update|with)\b", re.DOTALL)


@dataclass(frozen=True)
class Transaction:
    """What one model of the refresh writes: its statements, in their order."""

    model: str
    statements: tuple[str, ...]


def queries(dbt: Dbt) -> Iterator[tuple[str, str]]:
    """Yield the node and the text of each query that a dbt command logged as JSON."""
    with (dbt.folder / "logs" / "dbt.log").open("rb") as log:
        for line in log:
            event = json.loads(line)
            if event["info"]["name"] == "SQLQuery":
                node = event["data"].get("node_info", {}).get("unique_id", "")
                yield node, event["data"]["sql"]


def transactions(dbt: Dbt, database: str) -> list[Transaction]:
    """Return what a refresh writes to audio_files, as `dbt run` sends it.

    The texts do not depend on the rows of the tables, so this may run on empty tables. One
    statement is missing then: audio_file_gaps sends it only after it has filled in rows.
    """
    (dbt.folder / "logs" / "dbt.log").unlink(missing_ok=True)
    dbt.run("run", "--log-format-file", "json", **VARS)
    written: dict[str, list[str]] = {}
    for node, text in queries(dbt):
        if _WRITES.match(text):
            # Without the name of the database, the statements also serve its copies.
            written.setdefault(node, []).append(text.replace(f'"{database}".', ""))
    return [
        Transaction(node.rpartition(".")[2], (*texts,))
        for node, texts in written.items()
        if len(texts) > 1  # A view writes no rows: it sends the settings of its transaction only.
    ]


def run(connection: Connection, refresh: list[Transaction]) -> None:
    """Run the refresh's own SQL."""
    for each in refresh:
        with connection.transaction():
            for statement in each.statements:
                connection.execute(statement.encode())
