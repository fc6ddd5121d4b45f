"""Every file is done exactly once, although workers, claims, keys and the database break down."""

from __future__ import annotations

import time
from threading import Event
from typing import TYPE_CHECKING

import psycopg
import pytest
from click.testing import CliRunner

from tests.support.database.catalogue import CLAIMS, COMPLETED, DELETE_CLAIMS, FAILURES, PENDING
from tests.support.pipeline import Pipeline, ended, freeze, running_pipeline, thaw
from tests.support.servers.postgres import restartable_server
from tests.support.servers.provider import Answer, Request, refusal
from tests.support.wait import until
from transcriber.cli.main import main
from transcriber.db import migrate

if TYPE_CHECKING:
    from tests.support.pipeline import Process

LIVE_CLAIMS = f"{CLAIMS} where expires_at > now()"
TAKE_ALL_CLAIMS = (
    "update media_pipeline.transcription_claims"
    " set claimed_by = 'another', claimed_at = now(), expires_at = now() + interval '1 hour'"
)
WORKERS = (
    "select array_agg(distinct split_part(metadata ->> 'worker', ':', 2)::int)"
    " from media_pipeline.transcriptions where status = 'completed'"
)


def freeze_during_a_call(pipeline: Pipeline, ttl: str, claims: int) -> tuple[Process, Event]:
    """Freeze a worker that has that many claims; return it, and what lets the provider answer."""
    may_answer = pipeline.provider.hold_answers(key="frozen")
    frozen = pipeline.start("--concurrency", "1", "--claim-ttl", ttl, key="frozen")
    until(lambda: pipeline.calls("frozen") and pipeline.one(CLAIMS) >= claims)
    freeze(frozen)
    return frozen, may_answer


def test_a_frozen_worker_that_was_overtaken_writes_nothing_and_pays_for_nothing(
    pipeline: Pipeline,
) -> None:
    pipeline.add_many(4)
    frozen, may_answer = freeze_during_a_call(pipeline, "1.5", 2)
    # The answer now waits in the frozen worker's socket, and its prepared files wait for the slot.
    may_answer.set()
    until(lambda: pipeline.one(LIVE_CLAIMS) == 0)
    other = pipeline.start(key="other")
    assert ended(other)[0] == 0
    thaw(frozen)
    _, said = ended(frozen)
    assert "taken over or changed by somebody else" in said
    assert (len(pipeline.calls("frozen")), len(pipeline.calls("other"))) == (1, 4)
    assert pipeline.one(COMPLETED) == 4
    assert pipeline.one(WORKERS) == [other.pid]
    assert pipeline.one(CLAIMS) == 0


def test_a_thawed_worker_does_not_touch_what_another_is_still_working_on(
    pipeline: Pipeline,
) -> None:
    pipeline.add_many(3)
    frozen, may_answer = freeze_during_a_call(pipeline, "1", 3)
    pipeline.connection.execute(TAKE_ALL_CLAIMS)
    may_answer.set()
    time.sleep(1)  # The lease then is over by the frozen worker's own clock, too.
    thaw(frozen)
    assert ended(frozen)[0] == 0
    assert len(pipeline.calls()) == 1
    assert pipeline.one(COMPLETED) == 0
    held = (
        "select array_agg(distinct claimed_by), count(*) from media_pipeline.transcription_claims"
    )
    assert pipeline.one(held) == (["another"], 3)


@pytest.mark.parametrize("options", [(), ("--watch",)], ids=["once", "watch"])
def test_deleting_claims_by_hand_loses_nothing_that_is_paid_for(
    pipeline: Pipeline, options: tuple[str, ...]
) -> None:
    pipeline.add_many(3)
    may_answer = pipeline.provider.hold_answers()
    worker = pipeline.start("--concurrency", "2", "--claim-ttl", "1.5", *options)
    until(lambda: len(pipeline.calls()) == 2)
    pipeline.connection.execute(DELETE_CLAIMS)
    until(lambda: pipeline.one(CLAIMS) == 3)  # The worker claims the files anew and goes on.
    # A claim lives for a shorter time than this, so the worker has to renew the new claims.
    time.sleep(2)
    may_answer.set()
    until(lambda: pipeline.one(COMPLETED) == 3)
    worker.terminate()
    ended(worker)
    assert len(pipeline.calls()) == 3
    assert pipeline.one(CLAIMS) == 0


def test_claims_are_renewed_as_long_as_a_file_takes(pipeline: Pipeline) -> None:
    pipeline.add("long")
    may_answer = pipeline.provider.hold_answers()
    worker = pipeline.start("--claim-ttl", "1.5")
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
    assert (len(pipeline.calls()), pipeline.one(COMPLETED)) == (1, 1)


def test_a_refused_key_stops_every_worker_and_loses_nothing_that_is_paid_for(
    pipeline: Pipeline,
) -> None:
    pipeline.add_many(12)
    was_refused = Event()

    def answer(_number: int, request: Request) -> Answer:
        if request.key == "revoked":
            was_refused.set()
            return refusal(401, "invalid_api_key")
        # Otherwise the good worker could be done before the other one has started.
        was_refused.wait(60)
        return Answer(delay=1.5)

    pipeline.provider.answer = answer
    good = pipeline.start("--concurrency", "2", key="good")
    until(lambda: len(pipeline.calls("good")) == 2)
    revoked = pipeline.start("--concurrency", "2", key="revoked")
    code, said = ended(revoked)
    assert code == 3
    assert "OPENAI_API_KEY" in said
    assert len(pipeline.calls("revoked")) <= 2
    # A worker with another key has nothing to do with it.
    assert ended(good)[0] == 0
    assert pipeline.one(COMPLETED) == len(pipeline.calls("good")) == 12
    assert pipeline.one(FAILURES) == 0
    assert pipeline.one("select count(*) from media_pipeline.provider_pauses") == 1
    assert pipeline.one(CLAIMS) == 0

    # The next worker with that key asks nobody, and says what to do.
    pipeline.add("late")
    code, said = ended(pipeline.start(key="revoked"))
    assert code == 3
    assert "openai is paused since 2" in said
    assert "transcriber resume openai" in said
    assert len(pipeline.calls("revoked")) <= 2
    # A new key lifts the pause by itself.
    assert ended(pipeline.start(key="new"))[0] == 0


def test_one_key_that_two_workers_share_stops_both(pipeline: Pipeline) -> None:
    pipeline.add_many(12)
    may_refuse = pipeline.provider.hold_answers(lambda _: refusal(401, "invalid_api_key"))
    workers = [pipeline.start("--concurrency", "2") for _ in range(2)]
    until(lambda: len(pipeline.calls()) == 4)
    may_refuse.set()
    assert [ended(worker)[0] for worker in workers] == [3, 3]
    assert len(pipeline.calls()) == 4
    assert pipeline.one(FAILURES) == pipeline.one(CLAIMS) == 0
    pipeline.provider.answer_with(Answer())
    assert CliRunner().invoke(main, ["resume", "openai"]).exit_code == 0
    assert ended(pipeline.start())[0] == 0
    assert pipeline.one(COMPLETED) == 12


def test_watch_picks_up_a_new_file(pipeline: Pipeline) -> None:
    pipeline.add("first")
    pipeline.start("--watch")
    until(lambda: pipeline.one(COMPLETED) == 1)
    time.sleep(1.5)  # By then the worker has seen that nothing is pending.
    pipeline.add("second")
    began = time.monotonic()
    until(lambda: pipeline.one(COMPLETED) == 2)
    assert time.monotonic() - began < 10  # On an idle machine it takes about one second.


def test_watch_puts_a_new_file_in_its_place_while_others_are_pending(pipeline: Pipeline) -> None:
    pipeline.add_many(60, started="2024-01-01T00:00Z")
    pipeline.provider.answer_with(Answer(delay=0.3))
    pipeline.start("--watch", "--concurrency", "1", "--backfill-share", "0")
    until(lambda: pipeline.one(COMPLETED) == 2)
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
            running_pipeline(connection, monkeypatch) as pipeline,
        ):
            pipeline.add_many(12)
            pipeline.provider.answer_with(Answer(delay=0.4))
            worker = pipeline.start("--concurrency", "3")
            until(lambda: pipeline.one(COMPLETED) >= 2)
            server.stop()
            time.sleep(3)
            server.start()
            code, said = ended(worker, 60)
            assert "Traceback" not in said
            assert "127.0.0.1" not in said  # The pool's own warnings would name the host.
            assert (code, "waiting for the database" in said) == (0, True)
            with psycopg.connect(autocommit=True) as pipeline.connection:
                assert pipeline.one(COMPLETED) == 12
                assert pipeline.one(CLAIMS) == 0
            assert len({request.content for request in pipeline.calls()}) == 12
            assert len(pipeline.calls()) == 12
