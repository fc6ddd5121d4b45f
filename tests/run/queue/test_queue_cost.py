"""The queue costs the same however large the catalogue is, and however much of it is done.

Costs are rows and pages that the server looked at, not seconds. Each claim takes 50 files; a plan
that goes through the catalogue would visit tens of thousands of rows.
"""

from __future__ import annotations

import asyncio
import statistics
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.support.database.catalogue import add_history, add_many_audio_files, one
from tests.support.database.plans import Plan, explained
from transcriber.audio.probe import AudioInfo
from transcriber.db.connect import open_pool
from transcriber.providers import ProviderChoice, Transcript
from transcriber.queue.claims import Queue
from transcriber.queue.jobs import Choice, Result

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from transcriber.db.connect import Pool
    from transcriber.queue.jobs import Job

FILES = 50_000
BATCH = 50
PENDING = "select count(*) from media_pipeline.transcriptions where status = 'pending'"
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

CHOICES = {
    "newest and oldest": Choice(),
    "newest": Choice(backfill_share=0),
    "oldest": Choice(newest_first=False),
    "campaign": Choice(campaign="campaign 3"),
    "max duration": Choice(max_duration=200),
    "phone": Choice(phone=PHONE),
}


def queue_of(pool: Pool, choice: Choice) -> Queue:
    provider = ProviderChoice("openai", "OpenAI", "a-model", lambda _: NotImplemented, 1)
    return Queue(pool, provider=provider, claim_ttl=120, choice=choice, on_outage=pytest.fail)


def result(job: Job) -> Result:
    info = AudioInfo(120.0, "mp3", 8000, 2, "mp3", "audio/mpeg")
    return Result(job, Transcript("hello"), info, "0" * 64, 1, 0.0)


def costs_of(
    step: Callable[[Queue], Awaitable[object]], choice: Choice | None = None
) -> list[Plan]:
    """Return the plans of what a step does with the queue."""

    async def run() -> list[Plan]:
        async with open_pool() as pool, explained(pool) as plans:
            await step(queue_of(pool, choice or Choice()))
            return plans

    return asyncio.run(run())


@pytest.fixture
def catalogue(connection: psycopg.Connection) -> psycopg.Connection:
    """Many files, none queued yet, in tables of which the planner knows nothing."""
    for table in ("audio_files", "transcriptions", "transcription_failures"):
        connection.execute(
            f"alter table media_pipeline.{table} set (autovacuum_enabled = off)".encode()
        )
    add_many_audio_files(connection, FILES)
    return connection


def enqueue(*, analysed: bool) -> None:
    """Queue the files as `transcriber run` does; it analyses where they are many."""

    async def run() -> None:
        async with open_pool() as pool:
            await queue_of(pool, Choice()).enqueue()
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
        for name, choice in CHOICES.items():
            catalogue.execute("delete from media_pipeline.transcription_claims")
            (plan,) = costs_of(lambda queue: queue.claim(BATCH), choice)
            claimed = one(catalogue, "select count(*) from media_pipeline.transcription_claims")
            chosen = one(catalogue, CHOSEN, choice.campaign, choice.phone)
            assert claimed == min(BATCH, chosen), name
            which = f"{name}, {state}: {plan}"
            assert plan.rows_visited <= 20 * BATCH, which
            assert plan.buffers_of("newest_files", "oldest_files") <= 12 * BATCH, which
            assert plan.buffers <= 40 * BATCH, which


def test_an_old_snapshot_elsewhere_does_not_make_claims_dearer(
    catalogue: psycopg.Connection, database: dict[str, str]
) -> None:
    """A report or a dump keeps done files in the index; the cursor goes past them."""
    del database
    enqueue(analysed=True)

    async def drain(queue: Queue) -> None:
        for _ in range(150):
            claimed = await queue.claim(BATCH)
            assert len(claimed.jobs) == BATCH
            await queue.complete([result(job) for job in claimed.jobs])

    with psycopg.connect() as report:
        report.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        report.execute("select 1 from media_pipeline.transcriptions limit 1")
        claims = [plan for plan in costs_of(drain) if "newest_files" in plan.statement]
    pages = [plan.buffers_of("newest_files", "oldest_files") for plan in claims]
    assert len(pages) == 150
    first, last = statistics.median(pages[:15]), statistics.median(pages[-15:])
    assert last <= 1.5 * first, f"{first} pages, then {last}"
    assert one(catalogue, PENDING) == FILES - 150 * BATCH


def test_looking_for_work_in_vain_costs_a_handful_of_pages(catalogue: psycopg.Connection) -> None:
    """An idle `--watch` does this every second, on a catalogue that is done."""
    permanent, cooling = FILES // 10, FILES // 5
    add_history(catalogue, done=FILES - permanent - cooling, permanent=permanent, cooling=cooling)
    enqueue(analysed=True)

    async def look(queue: Queue) -> None:
        await queue.enqueue()
        await queue.enqueue_news()
        assert not (await queue.claim(BATCH)).any_pending

    *_, wake, news, claim = costs_of(look)
    assert wake.buffers <= 10, f"wake: {wake}"
    # it looks back over the last thousand files
    assert news.buffers <= 100, f"enqueue: {news}"
    assert claim.buffers <= 20, f"claim: {claim}"
    assert claim.rows_visited == 0
