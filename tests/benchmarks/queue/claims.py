"""The time of a claim of 50 files: over a drain, and in a large catalogue in several states."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
from typing import TYPE_CHECKING

import psycopg

from tests.benchmarks import databases
from tests.support.database.catalogue import add_history, add_many_audio_files
from tests.support.queue import Queue, completion_of
from transcriber.db import migrate
from transcriber.db.connect import open_pool
from transcriber.queue.jobs import Selection

if TYPE_CHECKING:
    from tests.support.servers.postgres import Server

BATCH = 50
REPEATS = 21
DONE = (0.0, 0.5, 0.999)
PERMANENT, COOLING = 100_000, 200_000


def drain(server: Server, files: int) -> None:
    """Print the milliseconds of a claim in each tenth of the drain of a queue."""
    print(f"\nmilliseconds of a claim of {BATCH}, medians per tenth of a drain of {files:,} files")
    for name, is_held in (("alone", False), ("an old snapshot is held elsewhere", True)):
        with databases.temporary(server, "claims"):
            migrate.apply()
            with psycopg.connect(autocommit=True) as connection:
                add_many_audio_files(connection, files)
            milliseconds = asyncio.run(_drain(is_held=is_held))
        tenth = len(milliseconds) // 10
        cells = [
            statistics.median(milliseconds[place * tenth : (place + 1) * tenth])
            for place in range(10)
        ]
        print(
            f"{name:<34}" + "".join(f"{cell:>6.1f}" for cell in cells) + f"   p99"
            f" {sorted(milliseconds)[len(milliseconds) * 99 // 100]:.1f}"
        )


async def _drain(*, is_held: bool) -> list[float]:
    milliseconds: list[float] = []
    async with open_pool() as pool, contextlib.AsyncExitStack() as stack:
        queue = Queue(pool)
        await queue.enqueue()
        if is_held:
            report = await stack.enter_async_context(await psycopg.AsyncConnection.connect())
            await report.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
            await report.execute("select 1 from media_pipeline.transcriptions limit 1")
        while True:
            began = time.perf_counter()
            claimed = await queue.claim(BATCH)
            if not claimed.jobs:
                return milliseconds
            milliseconds.append(1000 * (time.perf_counter() - began))
            await queue.complete([completion_of(job) for job in claimed.jobs])


def states(server: Server, files: int) -> None:
    """Print the milliseconds of several kinds of claims, by the share of files that is done."""
    print(
        f"\nmilliseconds of a claim of {BATCH} among {files:,} files, of which {PERMANENT:,} failed"
        f" for good\nand {COOLING:,} cool down; medians of {REPEATS}"
    )
    print(f"{'':<12}{'pending':>10}{'enqueue s':>11}{'claim':>8}{'oldest':>8}{'campaign':>10}")
    for done in (*DONE, 1.0):
        with databases.temporary(server, "claims"):
            migrate.apply()
            with psycopg.connect(autocommit=True) as connection:
                add_many_audio_files(connection, files)
                rest = files - PERMANENT - COOLING
                add_history(connection, done=int(done * rest), permanent=PERMANENT, cooling=COOLING)
                connection.execute("vacuum analyze")
            print(f"{done:<12.1%}" + asyncio.run(_state()))


async def _state() -> str:
    async with open_pool() as pool:
        began = time.perf_counter()
        await Queue(pool).enqueue()
        seconds = time.perf_counter() - began
        line = f"{(await Queue(pool).count_pending()).files:>10,}{seconds:>11.1f}"
        for width, selection in (
            (8, Selection()),
            (8, Selection(newest_first=False)),
            (10, Selection(campaign="campaign 3")),
        ):
            queue = Queue(pool, selection)
            milliseconds = []
            for _ in range(REPEATS):
                began = time.perf_counter()
                await queue.claim(BATCH)
                milliseconds.append(1000 * (time.perf_counter() - began))
                await queue.release()
            line += f"{statistics.median(milliseconds):>{width}.1f}"
        return line
