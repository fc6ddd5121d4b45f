"""No call ever gets another call's words, although people change the tables of calls in flight."""

from __future__ import annotations

import asyncio
import hashlib
import time
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.support.database.catalogue import (
    CLAIMS,
    DELETE_CLAIMS,
    FAILURES,
    STATUS,
    add_many_audio_files,
    one,
)
from tests.support.pipeline import Pipeline, ended, recording
from tests.support.queue import completion_of, fail, run_with_two_workers
from tests.support.servers.provider import Answer, Request
from tests.support.wait import until

if TYPE_CHECKING:
    import threading

    from tests.support.queue import Queue

FILES = 8
TRUNCATE = """
    truncate media_pipeline.transcription_claims, media_pipeline.transcription_failures,
        media_pipeline.transcriptions, media_pipeline.audio_files restart identity
"""
TRANSCRIPTS = """
    select audio_files.url, transcriptions.transcript_text
    from media_pipeline.transcriptions
    inner join media_pipeline.audio_files on transcriptions.audio_file_id = audio_files.id
    where transcriptions.status = 'completed'
"""
SECONDS_OF_THE_DELETE = 2.0

CHANGES_OF_THE_URL = {
    "both": "update media_pipeline.audio_files set url = url || '?v=2', url_sha1 = repeat('2', 40)",
    "url": "update media_pipeline.audio_files set url = url || '?v=2'",
    "url_sha1": "update media_pipeline.audio_files set url_sha1 = repeat('2', 40)",
}


def hear(content: bytes) -> str:
    """Return the words of a recording, for which its checksum stands here."""
    return hashlib.sha256(content).hexdigest()


def hold_answers(pipeline: Pipeline) -> threading.Event:
    """Let the provider keep the words of each recording back until the event is set."""

    def answer(request: Request) -> Answer:
        return Answer(body={"text": hear(request.content)})

    return pipeline.provider.hold_answers(answer)


def count_right_transcripts(pipeline: Pipeline) -> int:
    """Return how many files have a transcript, after checking each against its file's own URL."""
    rows = pipeline.connection.execute(TRANSCRIPTS).fetchall()
    for url, text in rows:
        name = PurePosixPath(urlsplit(url).path).stem
        assert text == hear(recording(name)), "another call's words"
    return len(rows)


def test_truncate_while_calls_are_in_flight(pipeline: Pipeline) -> None:
    may_answer = hold_answers(pipeline)
    old_ids = {pipeline.add(f"old-{number}") for number in range(FILES)}
    worker = pipeline.start("--watch", "--concurrency", str(FILES))
    until(lambda: len(pipeline.calls()) == FILES)
    pipeline.connection.execute(TRUNCATE)
    assert {pipeline.add(f"new-{number}") for number in range(FILES)} == old_ids
    may_answer.set()
    until(lambda: count_right_transcripts(pipeline) == FILES)
    worker.terminate()
    assert ended(worker)[0] == 143
    assert count_right_transcripts(pipeline) == FILES
    assert pipeline.one(CLAIMS) == 0


@pytest.mark.parametrize("statement", CHANGES_OF_THE_URL.values(), ids=CHANGES_OF_THE_URL.keys())
def test_a_url_that_is_changed_in_flight_is_done_anew(pipeline: Pipeline, statement: str) -> None:
    may_answer = hold_answers(pipeline)
    pipeline.add("call")
    worker = pipeline.start("--watch", "--claim-ttl", "1.5")
    until(lambda: len(pipeline.calls()) == 1)
    pipeline.connection.execute(statement.encode())
    may_answer.set()
    until(lambda: count_right_transcripts(pipeline) == 1)
    worker.terminate()
    ended(worker)
    assert len(pipeline.calls()) == 2


def test_a_claimed_file_is_deleted_in_a_long_transaction(
    pipeline: Pipeline,
) -> None:
    may_answer = hold_answers(pipeline)
    ids = pipeline.add_many(FILES)
    worker = pipeline.start("--concurrency", str(FILES))
    until(lambda: len(pipeline.calls()) == FILES)
    with psycopg.connect() as other:
        other.execute("delete from media_pipeline.audio_files where id = %s", [ids[0]])
        may_answer.set()
        time.sleep(SECONDS_OF_THE_DELETE)
    code, said = ended(worker)
    assert "Traceback" not in said
    assert (code, count_right_transcripts(pipeline)) == (0, FILES - 1)
    assert (len(pipeline.calls()), pipeline.one(CLAIMS)) == (FILES, 0)


def test_an_id_that_is_given_again_within_a_transaction(connection: psycopg.Connection) -> None:
    """Complete and fail must wait for a transaction that deletes the files and reuses their ids."""
    add_many_audio_files(connection, 2)

    async def scenario(queue: Queue, _: Queue) -> None:
        first, second = (await queue.claim(2)).jobs
        with psycopg.connect() as other:
            other.execute("delete from media_pipeline.audio_files")
            other.execute(
                "insert into media_pipeline.audio_files (id, url, url_sha1)"
                " select n, 'https://vault.example.test/other', lpad(n::text, 40, '9')"
                " from generate_series(1, 2) as n"
            )
            completed = asyncio.create_task(queue.complete([completion_of(first)]))
            failed = asyncio.create_task(fail(queue, second))
            await asyncio.sleep(0.5)
            assert not completed.done()
            other.commit()
        assert (await completed, await failed) == (set(), None)

    run_with_two_workers(scenario)
    assert one(connection, "select count(*) from media_pipeline.transcriptions") == 0
    assert (one(connection, CLAIMS), one(connection, FAILURES)) == (0, 0)


@pytest.mark.parametrize("statement", CHANGES_OF_THE_URL.values(), ids=CHANGES_OF_THE_URL.keys())
def test_every_statement_knows_a_file_by_its_url(
    connection: psycopg.Connection, statement: str
) -> None:
    add_many_audio_files(connection, 1)

    async def scenario(queue: Queue, _: Queue) -> None:
        for action in ("complete", "fail", "renew", "reclaim"):
            (job,) = (await queue.claim(1)).jobs
            connection.execute(statement.replace("'2'", f"'{len(action)}'").encode())
            if action == "complete":
                assert await queue.complete([completion_of(job)]) == set()
            elif action == "fail":
                assert await fail(queue, job) is None
            else:
                if action == "reclaim":
                    connection.execute(DELETE_CLAIMS)
                assert (await queue.renew([job])).kept == {}
            # Nobody works on the old URL any more, so the file is free at once.
            assert (one(connection, CLAIMS), one(connection, FAILURES)) == (0, 0)
            assert one(connection, STATUS) == "pending"

    run_with_two_workers(scenario)


def test_a_file_in_flight_is_kept_until_it_is_queued_again(
    connection: psycopg.Connection,
) -> None:
    """After a failover a refresh may load the URL again some time before it is queued."""
    add_many_audio_files(connection, 1)

    async def scenario(queue: Queue, _: Queue) -> None:
        (job,) = (await queue.claim(1)).jobs
        connection.execute("delete from media_pipeline.audio_files")
        assert (await queue.renew([job])).gone == {job.url_sha1}
        add_many_audio_files(connection, 1)
        assert (await queue.renew([job])).gone == {job.url_sha1}
        await queue.enqueue()
        assert (await queue.renew([job])).kept.keys() == {job.url_sha1}

    run_with_two_workers(scenario)


def test_what_was_paid_for_survives_a_failover(pipeline: Pipeline) -> None:
    """A promoted standby lacks the last rows; a refresh loads the same URLs under other ids."""
    may_answer = hold_answers(pipeline)
    names = [f"old-{number}" for number in range(FILES)]
    old_ids = {pipeline.add(name) for name in names}
    worker = pipeline.start("--watch", "--concurrency", str(FILES), "--claim-ttl", "1.5")
    until(lambda: len(pipeline.calls()) == FILES)
    pipeline.connection.execute(TRUNCATE)
    assert {pipeline.add(f"new-{number}") for number in range(FILES)} == old_ids
    time.sleep(1)  # A renewal finds that the files are gone.
    for name in names:
        pipeline.add(name)
    may_answer.set()
    until(lambda: count_right_transcripts(pipeline) == 2 * FILES)
    worker.terminate()
    assert ended(worker)[0] == 143
    assert len(pipeline.calls()) == 2 * FILES  # Nothing was paid for twice.
    assert pipeline.one(CLAIMS) == 0
