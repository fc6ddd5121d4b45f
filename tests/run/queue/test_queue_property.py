"""Workers and people do anything to the queue in any order, and its promises hold.

- A completed transcript is always of its row's URL.
- What is stored is never handed out again, unless a person asks for it.
- A transcript that was paid for is written where its URL is, unless it is somebody else's.
- In the end every file of the catalogue has a transcript.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.support.database.catalogue import add_audio_file, one, url_sha1
from tests.support.queue import Queue, completion_of, fail
from transcriber.core.transcript import Transcript
from transcriber.db.connect import open_pool

if TYPE_CHECKING:
    from collections.abc import Coroutine

    import psycopg

    from transcriber.queue.jobs import Completion, Job

WORKERS = 3
TRUNCATE = """
    truncate media_pipeline.transcription_claims, media_pipeline.transcription_failures,
        media_pipeline.transcriptions, media_pipeline.audio_files restart identity
"""
WRONG_TRANSCRIPTS = """
    select count(*) from media_pipeline.transcriptions
    inner join media_pipeline.audio_files on transcriptions.audio_file_id = audio_files.id
    where transcriptions.status = 'completed' and transcriptions.transcript_text != audio_files.url
"""
UNFINISHED = "select count(*) from media_pipeline.file_states where state != 'completed'"
IS_COMPLETED = """
    select exists (
        select from media_pipeline.transcriptions
        inner join media_pipeline.audio_files on transcriptions.audio_file_id = audio_files.id
        where audio_files.url = %s and transcriptions.status = 'completed'
    )
"""
MAY_BE_WRITTEN = """
    select exists (
        select from media_pipeline.audio_files
        left join media_pipeline.transcriptions
            on audio_files.id = transcriptions.audio_file_id
        left join media_pipeline.transcription_claims
            on audio_files.id = transcription_claims.audio_file_id
        where
            audio_files.url = %s
            and transcriptions.status is distinct from 'completed'
            and (
                transcription_claims.audio_file_id is null
                or (transcription_claims.claimed_by, transcription_claims.claimed_at) = (%s, %s)
            )
    )
"""
EXPIRE_CLAIMS = """
    update media_pipeline.transcription_claims set expires_at = now() - interval '1 s'
    where expires_at is not null
"""
BY_HAND = [
    EXPIRE_CLAIMS,
    "DELETE FROM media_pipeline.transcription_claims;",
    "DELETE FROM media_pipeline.transcription_failures WHERE status='transient';",
    "update media_pipeline.transcriptions set status = 'pending' where audio_file_id = %(id)s",
    "delete from media_pipeline.transcriptions where audio_file_id = %(id)s",
    "delete from media_pipeline.audio_files where id = %(id)s",
    """
    insert into media_pipeline.transcriptions
    (audio_file_id, provider, model, status, completed_at, transcript_text)
    select id, 'Mistral', 'voxtral', 'completed', now(), url
    from media_pipeline.audio_files where id = %(id)s
    on conflict (audio_file_id) do update set
        provider = excluded.provider, model = excluded.model, status = excluded.status,
        completed_at = excluded.completed_at, transcript_text = excluded.transcript_text
    """,
]
CHANGE_URL = "update media_pipeline.audio_files set url = %s, url_sha1 = %s where id = %s"
ids = st.integers(1, 8)
workers = st.integers(0, WORKERS - 1)


@dataclass
class Hand:
    """A worker, and the jobs that it believes to hold."""

    queue: Queue
    jobs: dict[str, Job] = field(default_factory=dict)


def words_of(job: Job) -> Completion:
    """Return a transcript that says the URL that was transcribed."""
    return replace(completion_of(job), transcript=Transcript(job.url))


class QueueMachine(RuleBasedStateMachine):
    """One database, workers, and people."""

    connection: psycopg.Connection

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.stack = contextlib.AsyncExitStack()
        self.connection.execute(TRUNCATE)
        pool = self.do(self.stack.enter_async_context(open_pool()))
        self.hands = [Hand(Queue(pool)) for _ in range(WORKERS)]
        self.urls = 0
        self.add_files(count=4)

    def do(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run something to its end."""
        return self.loop.run_until_complete(coroutine)

    # ---------- the refresh

    @rule(count=st.integers(1, 3))
    def add_files(self, count: int) -> None:
        for _ in range(count):
            self.urls += 1
            add_audio_file(self.connection, f"https://vault.example.test/vr/{self.urls}.mp3")

    # ---------- workers

    @rule(number=workers, batch=st.integers(1, 4))
    def enqueue_and_claim(self, number: int, batch: int) -> None:
        self.do(self.hands[number].queue.enqueue())
        self.claim(number=number, batch=batch)

    @rule(number=workers, batch=st.integers(1, 4))
    def claim(self, number: int, batch: int) -> None:
        hand = self.hands[number]
        for job in self.do(hand.queue.claim(batch)).jobs:
            assert not one(self.connection, IS_COMPLETED, job.url), "it would be paid twice"
            hand.jobs[job.url_sha1] = job

    @rule(number=workers)
    def renew(self, number: int) -> None:
        hand = self.hands[number]
        renewed = self.do(hand.queue.renew([*hand.jobs.values()]))
        hand.jobs = {
            key: renewed.kept.get(key, job)
            for key, job in hand.jobs.items()
            if key in renewed.kept or key in renewed.gone
        }

    @rule(share=st.integers(1, 2))
    def complete(self, share: int) -> None:
        hand = max(self.hands, key=lambda each: len(each.jobs))
        completions = [words_of(job) for job in [*hand.jobs.values()][::share]]
        expected = {
            each.result_id
            for each in completions
            if one(
                self.connection, MAY_BE_WRITTEN,
                each.job.url, hand.queue.claimant, each.job.claimed_at,
            )
        }  # fmt: skip
        assert self.do(hand.queue.complete(completions)) == expected
        assert self.do(hand.queue.complete(completions)) == expected  # It may be repeated.
        for each in completions:
            del hand.jobs[each.job.url_sha1]

    @rule(number=workers, cooldown=st.sampled_from([0.0, 3600.0]))
    def fail_one(self, number: int, cooldown: float) -> None:
        hand = self.hands[number]
        if hand.jobs:
            _, job = hand.jobs.popitem()
            self.do(fail(hand.queue, job, cooldown=cooldown))

    @rule(number=workers)
    def release(self, number: int) -> None:
        self.do(self.hands[number].queue.release())
        self.hands[number].jobs.clear()

    @rule(number=workers, is_whole=st.booleans())
    def enqueue(self, number: int, is_whole: bool) -> None:  # noqa: FBT001 (hypothesis names it)
        queue = self.hands[number].queue
        self.do(queue.enqueue() if is_whole else queue.upkeep.enqueue_news())

    # ---------- time, and people

    @rule(statement=st.sampled_from(BY_HAND), file_id=ids)
    def do_by_hand(self, statement: str, file_id: int) -> None:
        self.connection.execute(statement.encode(), {"id": file_id})

    @rule(file_id=ids)
    def change_url(self, file_id: int) -> None:
        """Correct the URL of a file that has no transcript yet."""
        self.urls += 1
        url = f"https://vault.example.test/vr/{self.urls}.mp3"
        if one(self.connection, f"{UNFINISHED} and audio_file_id = %s", file_id):
            self.connection.execute(CHANGE_URL, [url, url_sha1(url), file_id])

    @rule(is_loaded_again=st.booleans())
    def truncate(self, is_loaded_again: bool) -> None:  # noqa: FBT001 (hypothesis passes names)
        """Clear everything; the next refresh may load the same URLs in another order."""
        urls = self.connection.execute(
            "select url from media_pipeline.audio_files order by id desc"
        ).fetchall()
        self.connection.execute(TRUNCATE)
        for (url,) in urls if is_loaded_again else ():
            add_audio_file(self.connection, url)

    # ---------- the promises

    @invariant()
    def each_transcript_is_of_its_url(self) -> None:
        assert one(self.connection, WRONG_TRANSCRIPTS) == 0

    def teardown(self) -> None:
        """Let one worker finish everything, and close the connections."""
        try:
            self.connection.execute("delete from media_pipeline.transcription_failures")
            self.connection.execute(EXPIRE_CLAIMS)
            queue = self.hands[0].queue
            self.do(queue.enqueue())
            while jobs := self.do(queue.claim(10)).jobs:
                self.do(queue.complete([words_of(job) for job in jobs]))
            assert one(self.connection, UNFINISHED) == 0
            self.each_transcript_is_of_its_url()
        finally:
            self.do(self.stack.aclose())
            self.loop.close()


@pytest.mark.filterwarnings("default::ResourceWarning")
def test_the_queue_keeps_its_promises_whatever_is_done_to_it(
    connection: psycopg.Connection,
) -> None:
    machine = type("Machine", (QueueMachine,), {"connection": connection})
    run_state_machine_as_test(
        machine,
        settings=settings(max_examples=40, stateful_step_count=50, deadline=None, derandomize=True),
    )
