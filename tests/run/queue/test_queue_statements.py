"""The queue's statements take effect for the owner of a claim only, and may be repeated."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import psycopg
import pytest

from tests.support.clock import MovableClock
from tests.support.database.catalogue import (
    DELETE_CLAIMS,
    FAILURES,
    STATUS,
    add_many_audio_files,
    one,
)
from tests.support.queue import Queue, completion_of, fail, run_with_two_workers
from transcriber.db.connect import open_pool
from transcriber.queue.ends import CURSOR_SECONDS
from transcriber.queue.jobs import Renewed, Selection
from transcriber.queue.upkeep import RECONCILE_SECONDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from transcriber.db.connect import Pool

EXPIRE = "update media_pipeline.transcription_claims set expires_at = now()"
ALL_CLAIMS = (
    "select array_agg(claims::text order by audio_file_id)"
    " from media_pipeline.transcription_claims as claims"
)
COMPLETED_AT = "select max(completed_at) from media_pipeline.transcriptions"
WRITTEN_BY = "select metadata ->> 'worker' from media_pipeline.transcriptions"


def test_a_failure_beside_a_transcript_is_forgotten(connection: psycopg.Connection) -> None:
    """Another worker may record a failure while the completion is on its way."""
    add_many_audio_files(connection, 1)

    async def scenario(ours: Queue, _: Queue) -> None:
        await ours.complete([completion_of(job) for job in (await ours.claim(1)).jobs])
        connection.execute(
            "insert into media_pipeline.transcription_failures"
            " (audio_file_id, status, ignore_until) values (1, 'transient', now())"
        )
        await ours.upkeep.enqueue_news()

    run_with_two_workers(scenario)
    assert one(connection, FAILURES) == 0
    assert one(connection, STATUS) == "completed"


def test_a_worker_may_write_its_result_twice(
    connection: psycopg.Connection,
) -> None:
    add_many_audio_files(connection, 3)

    async def scenario(ours: Queue, theirs: Queue) -> None:
        jobs = (await ours.claim(3)).jobs
        results = [completion_of(job) for job in jobs]
        ids = {result.result_id for result in results}
        assert await ours.complete(results) == ids
        completed_at = one(connection, COMPLETED_AT)
        assert await ours.complete(results) == ids
        assert await theirs.complete([completion_of(job) for job in jobs]) == set()
        assert completed_at == one(connection, COMPLETED_AT)

    run_with_two_workers(scenario)


def test_a_lost_answer_is_asked_for_again(connection: psycopg.Connection) -> None:
    add_many_audio_files(connection, 2)

    class LosesAnswers:
        """A pool whose connections die between commit and answer every other time."""

        def __init__(self, pool: Pool) -> None:
            self.pool = pool
            self.is_broken = False
            self.statements = 0
            self.info = SimpleNamespace(user="worker")

        @asynccontextmanager
        async def connection(self) -> AsyncIterator[Any]:
            async with self.pool.connection() as opened:
                yield self
                self.statements += self.is_broken
                if self.statements % 2:
                    raise psycopg.OperationalError("server closed the connection unexpectedly")
                del opened

        async def execute(self, statement: Any, parameters: Any) -> Any:
            async with self.pool.connection() as opened:
                return await opened.execute(statement, parameters)

    async def scenario() -> None:
        async with open_pool() as pool:
            broken = LosesAnswers(pool)
            queue = Queue(cast("Pool", broken))
            await queue.enqueue()
            first, second = (await queue.claim(2)).jobs
            broken.is_broken = True
            assert await queue.complete([completion_of(first)])
            connection.execute(DELETE_CLAIMS)
            # PostgreSQL makes the claim anew, and its answer is lost.
            renewed = await queue.renew([second])
            assert await queue.complete([completion_of(renewed.kept[second.url_sha1])])
            assert queue.outages == broken.statements // 2 >= 3

    asyncio.run(scenario())
    assert one(connection, f"{STATUS} group by 1") == "completed"


def test_a_stale_owner_changes_nothing(connection: psycopg.Connection) -> None:
    add_many_audio_files(connection, 1)

    async def scenario(stale: Queue, owner: Queue) -> None:
        (stale_job,) = (await stale.claim(1)).jobs
        assert (await owner.claim(1)).jobs == []
        connection.execute(EXPIRE)
        (job,) = (await owner.claim(1)).jobs
        claims = one(connection, ALL_CLAIMS)
        assert await stale.complete([completion_of(stale_job)]) == set()
        assert await fail(stale, stale_job) is None
        assert await stale.renew([stale_job]) == Renewed({}, set())
        await stale.release()
        assert (one(connection, ALL_CLAIMS), one(connection, FAILURES)) == (claims, 1)
        assert await owner.complete([completion_of(job)])
        assert await stale.complete([completion_of(stale_job)]) == set()
        assert await stale.renew([stale_job]) == Renewed({}, set())
        assert one(connection, WRITTEN_BY) == owner.claimant
        assert one(connection, ALL_CLAIMS) is None
        assert one(connection, FAILURES) == 0

    run_with_two_workers(scenario)


def test_an_expired_claim_that_nobody_took_is_renewed(connection: psycopg.Connection) -> None:
    add_many_audio_files(connection, 1)

    async def scenario(ours: Queue, theirs: Queue) -> None:
        (job,) = (await ours.claim(1)).jobs
        connection.execute(EXPIRE)
        assert await ours.renew([job]) == Renewed({job.url_sha1: job}, set())
        assert (await theirs.claim(1)).jobs == []

    run_with_two_workers(scenario)


def test_a_deleted_claim_is_made_anew_unless_another_has_the_file(
    connection: psycopg.Connection,
) -> None:
    add_many_audio_files(connection, 2)

    async def scenario(ours: Queue, theirs: Queue) -> None:
        jobs = (await ours.claim(2)).jobs
        connection.execute(DELETE_CLAIMS)
        (taken,) = (await theirs.claim(1)).jobs
        renewed = await ours.renew(jobs)
        assert taken.url_sha1 not in renewed.kept
        (job,) = renewed.kept.values()
        assert await ours.complete([completion_of(job)])
        assert await theirs.complete([completion_of(taken)])
        connection.execute(DELETE_CLAIMS)
        assert await ours.renew(jobs) == Renewed(
            {}, set()
        )  # No claim is made for a completed file.

    run_with_two_workers(scenario)


def test_a_paid_result_is_kept_although_the_next_owner_failed(
    connection: psycopg.Connection,
) -> None:
    add_many_audio_files(connection, 1)

    async def scenario(slow: Queue, next_owner: Queue) -> None:
        (job,) = (await slow.claim(1)).jobs
        connection.execute(EXPIRE)
        assert await fail(next_owner, (await next_owner.claim(1)).jobs[0]) == "transient"
        assert await slow.complete([completion_of(job)])
        assert (one(connection, STATUS), one(connection, FAILURES)) == ("completed", 0)

    run_with_two_workers(scenario)


def test_what_people_do_by_hand_takes_effect_while_a_worker_watches(
    connection: psycopg.Connection,
) -> None:
    add_many_audio_files(connection, 2)
    assert RECONCILE_SECONDS <= 60

    async def scenario() -> None:
        clock = MovableClock()
        async with open_pool() as pool:
            queue = Queue(pool, Selection(backfill_share=0), clock=clock)
            await queue.enqueue()
            for job in (await queue.claim(2)).jobs:
                assert await fail(queue, job) == "transient"
            await clock.move(CURSOR_SECONDS + 0.1)  # The next claim begins at the end again.
            await queue.claim(2)
            connection.execute(
                "DELETE FROM media_pipeline.transcription_failures WHERE status='transient';"
            )
            await queue.upkeep.enqueue_news()
            assert (await queue.claim(2)).any_pending is False
            await clock.move(RECONCILE_SECONDS + 1)
            await queue.upkeep.enqueue_news()
            assert len((await queue.claim(2)).jobs) == 2

    asyncio.run(scenario())


def test_a_claim_goes_back_to_the_end_of_the_queue(connection: psycopg.Connection) -> None:
    add_many_audio_files(connection, 30)

    async def scenario() -> None:
        clock = MovableClock()
        async with open_pool() as pool:
            queue = Queue(pool, Selection(backfill_share=0), clock=clock)
            await queue.enqueue()

            async def claim() -> set[int]:
                return {job.audio_file_id for job in (await queue.claim(4)).jobs}

            newest = await claim()
            connection.execute(EXPIRE)
            # The next claim begins at the call where the last one ended.
            assert newest & await claim() == {min(newest)}
            await clock.move(CURSOR_SECONDS + 0.1)
            assert not newest & await claim()
            connection.execute(EXPIRE)
            assert newest == await claim()

    asyncio.run(scenario())


def test_a_claim_that_began_amid_the_queue_does_not_say_that_nothing_is_pending(
    connection: psycopg.Connection,
) -> None:
    add_many_audio_files(connection, 8)

    async def scenario() -> None:
        async with open_pool() as pool:
            queue = Queue(pool, Selection(backfill_share=0))
            await queue.enqueue()
            newest = {job.audio_file_id for job in (await queue.claim(4)).jobs}
            await queue.claim(4)
            connection.execute(
                "delete from media_pipeline.transcription_claims where audio_file_id = any(%s)",
                [[*newest]],
            )
            below = await queue.claim(4)
            assert (below.jobs, below.any_pending) == ([], True)
            assert {job.audio_file_id for job in (await queue.claim(4)).jobs} == newest

    asyncio.run(scenario())


def test_a_fifth_of_the_claims_is_for_the_oldest_files(connection: psycopg.Connection) -> None:
    files, claims = 500, 200
    add_many_audio_files(connection, files)

    async def scenario() -> None:
        async with open_pool() as pool:
            queue = Queue(pool, Selection(backfill_share=0.2))
            await queue.enqueue()
            ids = [(await queue.claim(1)).jobs[0].audio_file_id for _ in range(claims)]
        (middle,) = (
            connection.execute(
                "select percentile_disc(0.5) within group (order by started) "
                "from media_pipeline.audio_files"
            ).fetchone()
            or ()
        )
        rows = connection.execute(
            "select id from media_pipeline.audio_files where started <= %s", [middle]
        )
        oldest = {row[0] for row in rows}
        # The share is drawn: 0.2 +- 5 standard deviations.
        assert 0.06 <= sum(each in oldest for each in ids) / claims <= 0.34

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("selection", "files"),
    [
        (Selection(), 60),
        (Selection(newest_first=False), 60),
        (Selection(campaign="campaign 3"), 6),
        (Selection(phone="+493023125007"), 1),
        (Selection(max_duration=119), 0),
        (Selection(max_duration=120, campaign="campaign 3"), 6),
    ],
    ids=repr,
)
def test_what_is_counted_is_what_is_claimed(
    connection: psycopg.Connection, selection: Selection, files: int
) -> None:
    add_many_audio_files(connection, 60)

    async def scenario() -> None:
        async with open_pool() as pool:
            queue = Queue(pool, selection)
            await queue.enqueue()
            pending = await queue.count_pending()
            assert (pending.files, pending.audio_seconds) == (files, 120 * files)
            claimed = []
            while jobs := (await queue.claim(7)).jobs:
                claimed += jobs
            assert len(claimed) == files
            assert (await queue.count_pending()).files == 0

    asyncio.run(scenario())
