"""The costs of the queue depend neither on the size of the catalogue nor on the files done.

The tests count rows and pages that PostgreSQL looked at, because seconds depend on the machine.
Each claim takes 50 files. A plan that reads the whole catalogue would visit tens of thousands.
"""

from __future__ import annotations

import asyncio
import statistics
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.support.database.catalogue import (
    CLAIMS,
    DELETE_CLAIMS,
    PENDING,
    add_history,
    add_many_audio_files,
    one,
)
from tests.support.database.plans import Plan, explained
from tests.support.queue import Queue, completion_of
from transcriber.db.connect import open_pool
from transcriber.queue.jobs import Selection

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

FILES = 50_000
BATCH = 50
CHOSEN = """
    select count(*)
    from media_pipeline.transcriptions
    inner join media_pipeline.audio_files on transcriptions.audio_file_id = audio_files.id
    where
        transcriptions.status = 'pending'
        and audio_files.campaign_name = coalesce(%s, audio_files.campaign_name)
        and audio_files.phone = coalesce(%s, audio_files.phone)
"""
PHONE = "+493023125007"

SELECTIONS = {
    "newest and oldest": Selection(),
    "newest": Selection(backfill_share=0),
    "oldest": Selection(newest_first=False),
    "campaign": Selection(campaign="campaign 3"),
    "max duration": Selection(max_duration=200),
    "phone": Selection(phone=PHONE),
}


def costs_of(
    step: Callable[[Queue], Awaitable[object]], selection: Selection | None = None
) -> list[Plan]:
    """Return the plans of the statements that a step sends."""

    async def run() -> list[Plan]:
        async with open_pool() as pool, explained(pool) as plans:
            await step(Queue(pool, selection))
            return plans

    return asyncio.run(run())


@pytest.fixture
def catalogue(connection: psycopg.Connection) -> psycopg.Connection:
    """Add many files that are not queued yet, to tables without statistics."""
    for table in ("audio_files", "transcriptions", "transcription_failures"):
        connection.execute(
            f"alter table media_pipeline.{table} set (autovacuum_enabled = off)".encode()
        )
    add_many_audio_files(connection, FILES)
    return connection


def enqueue(*, analysed: bool) -> None:
    """Queue the files as `transcriber run` does, which analyses the tables after many files."""

    async def run() -> None:
        async with open_pool() as pool:
            await Queue(pool).enqueue()
            if analysed:
                async with pool.connection() as connection:
                    await connection.execute("vacuum analyze")

    asyncio.run(run())


@pytest.mark.parametrize("done", [0, 0.5, 0.999], ids="{:.1%} done".format)
def test_a_claim_costs_the_same_however_much_is_done(
    catalogue: psycopg.Connection, done: float
) -> None:
    permanent, cooling = FILES // 10, FILES // 5
    add_history(
        catalogue,
        done=int(done * (FILES - permanent - cooling)),
        permanent=permanent,
        cooling=cooling,
    )
    enqueue(analysed=False)
    for state in ("as queued", "analysed"):
        if state == "analysed":
            catalogue.execute("vacuum analyze")
        for name, selection in SELECTIONS.items():
            catalogue.execute(DELETE_CLAIMS)
            plans = costs_of(lambda queue: queue.claim(BATCH), selection)
            claimed = one(catalogue, CLAIMS)
            chosen = one(catalogue, CHOSEN, selection.campaign, selection.phone)
            assert claimed == min(BATCH, chosen), name
            which = f"{name}, {state}: {'; '.join(map(str, plans))}"
            assert sum(plan.rows_visited for plan in plans) <= 20 * BATCH, which
            assert sum(plan.buffers_of("candidates") for plan in plans) <= 12 * BATCH, which
            assert sum(plan.buffers for plan in plans) <= 40 * BATCH, which


def test_an_old_snapshot_elsewhere_does_not_make_claims_dearer(
    catalogue: psycopg.Connection,
) -> None:
    """A report or a dump keeps completed files in the index, and a cursor must go past them."""
    enqueue(analysed=True)

    async def drain(queue: Queue) -> None:
        for _ in range(150):
            claimed = await queue.claim(BATCH)
            assert len(claimed.jobs) == BATCH
            await queue.complete([completion_of(job) for job in claimed.jobs])

    with psycopg.connect() as report:
        report.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        report.execute("select 1 from media_pipeline.transcriptions limit 1")
        claims = [
            plan for plan in costs_of(drain) if "candidates as materialized" in plan.statement
        ]
    pages = [plan.buffers_of("candidates") for plan in claims]
    assert len(pages) == 150
    first, last = statistics.median(pages[:15]), statistics.median(pages[-15:])
    assert last <= 1.5 * first, f"{first} pages, then {last}"
    assert one(catalogue, PENDING) == FILES - 150 * BATCH


def test_looking_for_work_in_vain_costs_a_handful_of_pages(catalogue: psycopg.Connection) -> None:
    """An idle `--watch` does this every second when all files are done."""
    permanent, cooling = FILES // 10, FILES // 5
    add_history(catalogue, done=FILES - permanent - cooling, permanent=permanent, cooling=cooling)
    enqueue(analysed=True)

    async def look(queue: Queue) -> None:
        await queue.enqueue()
        await queue.upkeep.enqueue_news()
        assert not (await queue.claim(BATCH)).any_pending

    *_, wake, news, claim = costs_of(look)
    assert wake.buffers <= 10, f"wake: {wake}"
    # This statement looks back over the last thousand files.
    assert news.buffers <= 100, f"enqueue: {news}"
    assert claim.buffers <= 20, f"claim: {claim}"
    assert claim.rows_visited == 0
