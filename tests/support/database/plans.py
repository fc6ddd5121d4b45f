"""What statements cost in the server, whatever this machine is busy with: their plans, as run."""

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
    """One statement as it was run."""

    statement: str
    root: dict[str, Any]

    @property
    def buffers(self) -> int:
        """Return how many pages it looked at."""
        return _buffers(self.root)

    @property
    def rows_visited(self) -> int:
        """Return how many rows it read from tables, also those that it passed over."""
        return round(sum(map(_visited, _nodes(self.root))))

    def buffers_of(self, *ctes: str) -> int:
        """Return how many pages some of its CTEs looked at."""
        names = {f"CTE {cte}" for cte in ctes}
        return sum(
            _buffers(node) for node in _nodes(self.root) if node.get("Subplan Name") in names
        )

    def __str__(self) -> str:
        """Show what an assertion's message should: the nodes that visit most."""
        worst = sorted(_nodes(self.root), key=_visited, reverse=True)[:3]
        nodes = [
            f"{node['Node Type']} {node.get('Index Name', '')} on {node.get('Relation Name')}:"
            f" {_visited(node):.0f} rows, {_buffers(node)} buffers"
            for node in worst
        ]
        return f"{self.buffers} buffers, {self.rows_visited} rows; {'; '.join(nodes)}"


@asynccontextmanager
async def explained(pool: Pool) -> AsyncIterator[list[Plan]]:
    """Yield a list that takes the plan of everything the pool's connection runs from now on."""
    plans: list[Plan] = []

    def hear(message: Diagnostic) -> None:
        _, found, plan = (message.message_primary or "").partition("plan:\n")
        if found:
            parsed = json.loads(plan)
            plans.append(Plan(parsed["Query Text"], parsed["Plan"]))

    await pool.resize(1, 1)  # everything runs on the one connection that tells
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
