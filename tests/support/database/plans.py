"""The costs of statements as PostgreSQL counts them, which do not depend on the machine's load."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from psycopg.errors import Diagnostic

    from transcriber.db.connect import Pool

SETTINGS = {
    "log_min_duration": "0",
    "log_analyze": "on",
    "log_buffers": "on",
    "log_timing": "off",
    "log_format": "json",
    "log_level": "notice",
}


@dataclass(frozen=True)
class Plan:
    """A statement and its plan, with the counts of one execution."""

    statement: str
    root: dict[str, Any]

    @property
    def buffers(self) -> int:
        """Return how many pages the statement looked at."""
        return _buffers(self.root)

    @property
    def rows_visited(self) -> int:
        """Return how many rows the statement read from tables, filtered ones included."""
        return round(sum(map(_visited, _nodes(self.root))))

    def buffers_of(self, *ctes: str) -> int:
        """Return how many pages these CTEs of the statement looked at."""
        names = {f"CTE {cte}" for cte in ctes}
        return sum(
            _buffers(node) for node in _nodes(self.root) if node.get("Subplan Name") in names
        )

    def __str__(self) -> str:
        """Show the totals and the nodes that visit most rows, for the message of an assertion."""
        worst = sorted(_nodes(self.root), key=_visited, reverse=True)[:3]
        nodes = [
            f"{node['Node Type']} {node.get('Index Name', '')} on {node.get('Relation Name')}:"
            f" {_visited(node):.0f} rows, {_buffers(node)} buffers"
            for node in worst
        ]
        return f"{self.buffers} buffers, {self.rows_visited} rows; {'; '.join(nodes)}"


@asynccontextmanager
async def explained(pool: Pool) -> AsyncIterator[list[Plan]]:
    """Yield a list to which PostgreSQL adds the plan of each statement that the pool runs."""
    plans: list[Plan] = []

    def hear(message: Diagnostic) -> None:
        _, found, plan = (message.message_primary or "").partition("plan:\n")
        if found:
            parsed = json.loads(plan)
            plans.append(Plan(parsed["Query Text"], parsed["Plan"]))

    await pool.resize(1, 1)  # Every statement then runs on the connection that reports plans.
    async with pool.connection() as connection:
        await connection.execute("load 'auto_explain'")
        for name, value in SETTINGS.items():
            await connection.execute(f"set auto_explain.{name} = '{value}'".encode())
        connection.add_notice_handler(hear)
    yield plans


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", []):
        yield from _nodes(child)


def _buffers(node: dict[str, Any]) -> int:
    return int(node["Shared Hit Blocks"] + node["Shared Read Blocks"])


def _visited(node: dict[str, Any]) -> float:
    if "Relation Name" not in node or "Scan" not in node["Node Type"]:
        return 0.0
    passed_over = node.get("Rows Removed by Filter", 0)
    passed_over += node.get("Rows Removed by Index Recheck", 0)
    return float((node["Actual Rows"] + passed_over) * node["Actual Loops"])
