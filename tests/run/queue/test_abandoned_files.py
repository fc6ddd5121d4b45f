"""Taking a file over from a worker that ended without a word counts as an attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from tests.support.database.catalogue import (
    CLAIMS,
    DELETE_CLAIMS,
    FAILURES,
    add_many_audio_files,
    one,
)
from tests.support.queue import Queue, completion_of, fail, run_with_two_workers
from transcriber.queue.claims import ABANDONED
from transcriber.queue.jobs import RetryPolicy

EXPIRE = "update media_pipeline.transcription_claims set expires_at = now()"
FAILURE = """
    select status, error, attempts, provider, ignore_until
    from media_pipeline.transcription_failures
"""
STATE = "select state from media_pipeline.file_states"

if TYPE_CHECKING:
    from psycopg import Connection


def test_a_file_that_ends_every_worker_is_given_up(connection: Connection) -> None:
    add_many_audio_files(connection, 1)

    async def scenario(ours: Queue, theirs: Queue) -> None:
        for attempts in range(RetryPolicy.max_attempts):
            assert len((await ours.claim(1)).jobs) == 1
            if attempts:
                failure = ("transient", ABANDONED, attempts, "OpenAI", None)
                assert one(connection, FAILURE) == failure
            assert one(connection, STATE) == "claimed"
            connection.execute(EXPIRE)
        assert (await theirs.claim(1)).jobs == []
        assert one(connection, FAILURE)[:3] == ("permanent", ABANDONED, RetryPolicy.max_attempts)
        assert (one(connection, CLAIMS), one(connection, STATE)) == (0, "failed")

    run_with_two_workers(scenario)


def test_attempts_of_both_kinds_add_up(connection: Connection) -> None:
    add_many_audio_files(connection, 1)

    async def scenario(ours: Queue, theirs: Queue) -> None:
        await ours.claim(1)
        connection.execute(EXPIRE)
        (job,) = (await theirs.claim(1)).jobs
        assert await fail(theirs, job, cooldown=0) == "transient"
        assert one(connection, FAILURE)[:3] == ("transient", "no answer", 2)
        await ours.enqueue()
        (job,) = (await ours.claim(1)).jobs
        assert await ours.complete([completion_of(job)])
        assert one(connection, FAILURES) == 0

    run_with_two_workers(scenario)


def test_a_claim_that_was_deleted_counts_no_attempt(connection: Connection) -> None:
    add_many_audio_files(connection, 1)

    async def scenario(ours: Queue, theirs: Queue) -> None:
        await ours.claim(1)
        connection.execute(DELETE_CLAIMS)
        assert len((await theirs.claim(1)).jobs) == 1

    run_with_two_workers(scenario)
    assert one(connection, FAILURES) == 0


def test_a_paused_provider_counts_no_attempt(connection: Connection) -> None:
    add_many_audio_files(connection, 1)

    async def scenario(ours: Queue, theirs: Queue) -> None:
        await ours.claim(1)
        connection.execute(EXPIRE)
        await ours.pause_provider("no credit")
        assert (await theirs.claim(1)).jobs == []

    run_with_two_workers(scenario)
    assert one(connection, FAILURES) == 0


def test_a_file_that_is_being_deleted_does_not_hold_up_a_claim(connection: Connection) -> None:
    add_many_audio_files(connection, 2)

    async def scenario(ours: Queue, theirs: Queue) -> None:
        await ours.claim(2)
        connection.execute(EXPIRE)
        with psycopg.connect() as other:
            other.execute("select from media_pipeline.audio_files where id = 1 for update")
            assert len((await theirs.claim(2)).jobs) == 2
        assert (
            one(connection, "select audio_file_id from media_pipeline.transcription_failures") == 2
        )

    run_with_two_workers(scenario)
