"""Exactly once, whatever happens to a worker, its claims, the provider or the database."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.support.pipeline import Pipeline, ended, freeze, running_pipeline, thaw, until
from tests.support.servers.postgres import restartable_server
from tests.support.servers.provider import Answer, Request, refusal
from transcriber.db import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

CLAIMS = "select count(*) from media_pipeline.transcription_claims"
LIVE_CLAIMS = f"{CLAIMS} where expires_at > now()"
TAKE_ALL_CLAIMS = (
    "update media_pipeline.transcription_claims"
    " set claimed_by = 'another', claimed_at = now(), expires_at = now() + interval '1 hour'"
)
WORKERS = (
    "select array_agg(distinct split_part(metadata ->> 'worker', ':', 2)::int)"
    " from media_pipeline.transcriptions where status = 'completed'"
)
PENDING = "select count(*) from media_pipeline.transcriptions where status = 'pending'"


@pytest.fixture
def pipeline(connection: psycopg.Connection) -> Iterator[Pipeline]:
    with running_pipeline(connection) as pipeline:
        yield pipeline


def hold_answers_to(pipeline: Pipeline, key: str) -> threading.Event:
    """Let calls of one worker wait for an event; answer the others at once."""
    may_answer = threading.Event()

    def answer(_number: int, request: Request) -> Answer:
        if request.key == key:
            may_answer.wait(60)
        return Answer()

    pipeline.provider.answer = answer
    return may_answer


def test_a_frozen_worker_that_was_overtaken_writes_nothing_and_pays_for_nothing(
    pipeline: Pipeline,
) -> None:
    for number in range(4):
        pipeline.add(f"call-{number}")
    may_answer = hold_answers_to(pipeline, "frozen")
    frozen = pipeline.start("frozen", "--concurrency", "1", "--claim-ttl", "1.5")
    until(lambda: pipeline.calls("frozen") and pipeline.one(CLAIMS) >= 2)
    freeze(frozen)
    may_answer.set()  # the answer waits in its socket, and prepared files wait for the slot
    until(lambda: pipeline.one(LIVE_CLAIMS) == 0)
    other = pipeline.start("other")
    assert ended(other)[0] == 0
    thaw(frozen)
    _, said = ended(frozen)
    assert "taken over by another worker" in said
    assert (len(pipeline.calls("frozen")), len(pipeline.calls("other"))) == (1, 4)
    assert pipeline.completed() == 4
    assert pipeline.one(WORKERS) == [other.pid]
    assert pipeline.one(CLAIMS) == 0


def test_a_thawed_worker_does_not_touch_what_another_is_still_working_on(
    pipeline: Pipeline,
) -> None:
    for number in range(3):
        pipeline.add(f"call-{number}")
    may_answer = hold_answers_to(pipeline, "frozen")
    frozen = pipeline.start("frozen", "--concurrency", "1", "--claim-ttl", "1")
    until(lambda: pipeline.calls("frozen") and pipeline.one(CLAIMS) == 3)
    freeze(frozen)
    pipeline.connection.execute(TAKE_ALL_CLAIMS)
    may_answer.set()
    time.sleep(1)  # its lease is over, by its own clock, too
    thaw(frozen)
    assert ended(frozen)[0] == 0
    assert len(pipeline.calls()) == 1
    assert pipeline.completed() == 0
    held = (
        "select array_agg(distinct claimed_by), count(*) from media_pipeline.transcription_claims"
    )
    assert pipeline.one(held) == (["another"], 3)


@pytest.mark.parametrize("options", [(), ("--watch",)], ids=["once", "watch"])
def test_deleting_claims_by_hand_loses_nothing_that_is_paid_for(
    pipeline: Pipeline, options: tuple[str, ...]
) -> None:
    for number in range(3):
        pipeline.add(f"call-{number}")
    may_answer = hold_answers_to(pipeline, "only")
    worker = pipeline.start("only", "--concurrency", "2", "--claim-ttl", "1.5", *options)
    until(lambda: len(pipeline.calls()) == 2)
    pipeline.connection.execute("DELETE FROM media_pipeline.transcription_claims;")
    until(lambda: pipeline.one(CLAIMS) == 3)  # claimed anew, while it goes on
    time.sleep(2)  # longer than a claim lives: it is the new ones that are renewed
    may_answer.set()
    until(lambda: pipeline.completed() == 3)
    worker.terminate()
    ended(worker)
    assert len(pipeline.calls()) == 3
    assert pipeline.one(CLAIMS) == 0


def test_claims_are_renewed_as_long_as_a_file_takes(pipeline: Pipeline) -> None:
    pipeline.add("long")
    may_answer = hold_answers_to(pipeline, "only")
    worker = pipeline.start("only", "--claim-ttl", "1.5")
    until(pipeline.calls)
    expiry = "select expires_at from media_pipeline.transcription_claims"
    expiries = set()
    ends_at = time.monotonic() + 5
    while time.monotonic() < ends_at:
        expiries.add(pipeline.one(expiry))
        time.sleep(0.1)
    may_answer.set()
    assert ended(worker)[0] == 0
    assert len(expiries) > 3
    assert (len(pipeline.calls()), pipeline.completed()) == (1, 1)


def test_a_refused_key_stops_every_worker_and_loses_nothing_that_is_paid_for(
    pipeline: Pipeline,
) -> None:
    for number in range(12):
        pipeline.add(f"call-{number}")
    pipeline.provider.answer = lambda _number, request: (
        refusal(401, "invalid_api_key") if request.key == "revoked" else Answer(delay=1.5)
    )
    good = pipeline.start("good", "--concurrency", "2")
    until(lambda: len(pipeline.calls("good")) == 2)
    revoked = pipeline.start("revoked", "--concurrency", "2")
    for worker in (revoked, good):
        code, said = ended(worker)
        assert code == 3
        assert "OPENAI_API_KEY" in said
    assert len(pipeline.calls("revoked")) <= 2
    assert pipeline.completed() == len(pipeline.calls("good")) < 12
    assert pipeline.one("select count(*) from media_pipeline.transcription_failures") == 0
    assert pipeline.one("select count(*) from media_pipeline.provider_pauses") == 1
    assert pipeline.one(CLAIMS) == 0

    pipeline.connection.execute("delete from media_pipeline.provider_pauses")
    pipeline.provider.answer = lambda _number, _request: Answer()
    assert ended(pipeline.start("good"))[0] == 0
    assert pipeline.completed() == len(pipeline.calls("good")) == 12


def test_watch_picks_up_a_new_file(pipeline: Pipeline) -> None:
    pipeline.add("first")
    pipeline.start("only", "--watch")
    until(lambda: pipeline.completed() == 1)
    time.sleep(1.5)  # it has seen that there is nothing more to do
    pipeline.add("second")
    began = time.monotonic()
    until(lambda: pipeline.completed() == 2)
    assert time.monotonic() - began < 10  # about one second, on a machine of its own


def test_watch_puts_a_new_file_in_its_place_while_others_are_pending(pipeline: Pipeline) -> None:
    for number in range(60):
        pipeline.add(f"call-{number}", started="2024-01-01T00:00Z")
    pipeline.provider.answer = lambda _number, _request: Answer(delay=0.3)
    pipeline.start("only", "--watch", "--concurrency", "1", "--backfill-share", "0")
    until(lambda: pipeline.completed() == 2)
    newest = pipeline.add("newest", started="2024-06-01T00:00Z")
    status = "select status from media_pipeline.transcriptions where audio_file_id = %s"
    until(lambda: pipeline.one(f"select coalesce(({status}), '') = 'completed'", newest))
    assert pipeline.one(PENDING) > 10


def test_a_run_outlasts_a_server_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    with restartable_server() as server:
        for name, value in server.server.environment().items():
            monkeypatch.setenv(name, value)
        migrate.apply()
        with (
            psycopg.connect(autocommit=True) as connection,
            running_pipeline(connection) as pipeline,
        ):
            for number in range(12):
                pipeline.add(f"call-{number}")
            pipeline.provider.answer = lambda _number, _request: Answer(delay=0.4)
            worker = pipeline.start("only", "--concurrency", "3")
            until(lambda: pipeline.completed() >= 2)
            server.stop()
            time.sleep(3)
            server.start()
            code, said = ended(worker, 60)
            assert "Traceback" not in said
            assert "127.0.0.1" not in said  # the pool's own warnings name the host
            assert (code, "waiting for the database" in said) == (0, True)
            with psycopg.connect(autocommit=True) as pipeline.connection:
                assert pipeline.completed() == 12
                assert pipeline.one(CLAIMS) == 0
            assert len({request.content for request in pipeline.calls()}) == 12
            assert len(pipeline.calls()) == 12
