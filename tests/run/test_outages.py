"""A host or a provider that is away for a while: nothing counts, little is asked, all is done."""

from __future__ import annotations

import contextlib
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.database.catalogue import CLAIMS, COMPLETED, FAILURES
from tests.support.pipeline import Pipeline, ended, recording
from tests.support.servers.provider import Answer, Request, refusal
from tests.support.servers.web import WebServer, serving
from tests.support.wait import until
from transcriber.worker import steps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.servers.web import Handler

FILES = 60
SECONDS_AWAY = 2.5
OUTAGES = "select count(*) from media_pipeline.service_outages"
# Five in a row open the outage; others were on their way by then, and each look takes one file.
MOST_REQUESTS = 30


class Away:
    """What is away for some seconds from the first time that it is asked."""

    def __init__(self, seconds: float = SECONDS_AWAY) -> None:
        self.seconds = seconds
        self.requests = 0
        self._back_at: float | None = None

    def __bool__(self) -> bool:
        """Be asked; tell whether it is still away."""
        if self._back_at is None:
            self._back_at = time.monotonic() + self.seconds
        is_away = time.monotonic() < self._back_at
        self.requests += is_away
        return is_away

    def end(self) -> None:
        """Come back now."""
        self._back_at = 0.0


def status(code: int) -> Callable[[Handler], None]:
    """Return what answers with a status."""
    return lambda handler: handler.answer(code, {}, b"")


def hang_up(handler: Handler) -> None:
    """Break the connection without an answer."""
    handler.close_connection = True


def ask_who_is_there(handler: Handler) -> None:
    """Send a page for a log-in."""
    handler.answer(200, {"Content-Type": "text/html"}, b"<!doctype html><title>Log in</title>")


HOSTS_AWAY = {
    "503": status(503),
    "401": status(401),
    "403": status(403),
    "429": status(429),
    "hangs up": hang_up,
    "asks to log in": ask_who_is_there,
}


def add_files(pipeline: Pipeline, away: Away, answer: Callable[[Handler], None]) -> None:
    """Add files of a host that gives this answer while it is away."""
    for number in range(FILES):

        def page(handler: Handler, body: bytes = recording(f"call-{number}")) -> None:
            if away:
                answer(handler)
            else:
                handler.answer(200, {"Content-Type": "audio/mpeg"}, body)

        pipeline.add(f"call-{number}", page)


@contextlib.contextmanager
def second_host(pipeline: Pipeline, files: int) -> Iterator[WebServer]:
    """Add files of another host, which is there."""
    with serving({}) as host:
        first, pipeline.host = pipeline.host, host
        for number in range(files):
            pipeline.add(f"other-{number}")
        pipeline.host = first
        yield host


def nothing_is_left(pipeline: Pipeline) -> bool:
    """Tell whether neither a failure nor a claim nor an outage is recorded."""
    return all(pipeline.one(statement) == 0 for statement in (FAILURES, CLAIMS, OUTAGES))


@pytest.mark.parametrize("answer", HOSTS_AWAY.values(), ids=HOSTS_AWAY.keys())
def test_a_host_that_is_away_counts_against_no_file(
    pipeline: Pipeline, answer: Callable[[Handler], None]
) -> None:
    away = Away()
    add_files(pipeline, away, answer)
    result = pipeline.run("--concurrency", "8")
    assert result.exit_code == 0, result.output
    assert pipeline.one(COMPLETED) == len(pipeline.calls()) == FILES
    assert nothing_is_left(pipeline)
    assert 5 <= away.requests <= MOST_REQUESTS
    assert "127.0.0.1:" in result.stderr
    assert "is away since" in result.stderr
    assert "is back" in result.stderr


@pytest.mark.parametrize(
    "answer",
    [refusal(503), refusal(500), Answer(502, b"<html>", content_type="text/html"), refusal(408)],
    ids=["503", "500", "a proxy's page", "408"],
)
def test_a_provider_that_is_away_counts_against_no_file(pipeline: Pipeline, answer: Answer) -> None:
    away = Away()
    pipeline.add_many(FILES)
    pipeline.provider.answer = lambda _number, _request: answer if away else Answer()
    result = pipeline.run("--concurrency", "8")
    assert result.exit_code == 0, result.output
    assert pipeline.one(COMPLETED) == FILES
    assert nothing_is_left(pipeline)
    assert 5 <= away.requests <= MOST_REQUESTS


def test_files_of_other_hosts_go_on(pipeline: Pipeline) -> None:
    away = Away(seconds=60)
    add_files(pipeline, away, status(503))
    with second_host(pipeline, FILES):
        worker = pipeline.start("--concurrency", "4", "--order", "oldest")
        until(lambda: pipeline.one(COMPLETED) == FILES)
        assert pipeline.one(OUTAGES) == 1
        away.end()
        assert ended(worker)[0] == 0
    assert pipeline.one(COMPLETED) == 2 * FILES
    assert nothing_is_left(pipeline)
    assert away.requests <= MOST_REQUESTS


def test_a_fleet_looks_once(pipeline: Pipeline) -> None:
    away = Away()
    pipeline.add_many(FILES)
    pipeline.provider.answer = lambda _number, _request: refusal(503) if away else Answer()
    workers = [pipeline.start("--concurrency", "4") for _ in range(3)]
    assert [ended(worker)[0] for worker in workers] == [0, 0, 0]
    assert pipeline.one(COMPLETED) == FILES
    assert nothing_is_left(pipeline)
    # Each worker may have four calls on their way when the first one tells the others.
    assert away.requests <= MOST_REQUESTS + 2 * 4


def test_patience_ends_with_an_exit_code_of_its_own_and_the_next_run_goes_on(
    pipeline: Pipeline,
) -> None:
    away = Away(seconds=60)
    pipeline.add_many(20)
    pipeline.provider.answer = lambda _number, _request: refusal(503) if away else Answer()
    result = pipeline.run("--patience", "1")
    assert result.exit_code == 4
    (line,) = [line for line in result.stderr.splitlines() if "Stopped" in line]
    assert "openai" in line
    assert "HTTP 503" in line
    assert "20 files wait" in line
    assert "nothing was counted against them" in line
    assert (pipeline.one(FAILURES), pipeline.one(CLAIMS), pipeline.one(OUTAGES)) == (0, 0, 1)

    requests = away.requests
    assert pipeline.run("--patience", "0").exit_code == 4
    assert away.requests <= requests + 1  # It knows of the outage, and looks at most once.

    away.end()
    assert pipeline.run().exit_code == 0
    assert pipeline.one(COMPLETED) == 20
    assert nothing_is_left(pipeline)


def test_a_watching_worker_waits_for_ever(pipeline: Pipeline) -> None:
    away = Away(seconds=60)
    pipeline.add_many(20)
    pipeline.provider.answer = lambda _number, _request: refusal(503) if away else Answer()
    worker = pipeline.start("--watch", "--patience", "0", "--log-format", "json")
    until(lambda: pipeline.one(OUTAGES) == 1)
    time.sleep(2)
    assert worker.poll() is None
    away.end()
    until(lambda: pipeline.one(COMPLETED) == 20)
    worker.terminate()
    code, said = ended(worker)
    assert code == 143
    events = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    kinds = [event["event"] for event in events]
    assert "serviceaway" in kinds
    assert "serviceback" in kinds
    first = next(event for event in events if event["event"] == "serviceaway")
    assert first["reason"] == "the provider answered HTTP 503"
    assert first["since"] < first["next_try_at"]


@pytest.mark.parametrize("others", [0, 3, 40], ids="beside {} others".format)
def test_a_file_that_alone_breaks_the_provider_fails_by_itself(
    pipeline: Pipeline, others: int
) -> None:
    broken = pipeline.add("broken")
    pipeline.add_many(others)

    def answer(_number: int, request: Request) -> Answer:
        return refusal(500) if request.content == recording("broken") else Answer()

    pipeline.provider.answer = answer
    result = pipeline.run("--max-attempts", "1", "--concurrency", "2")
    assert result.exit_code == 1
    assert pipeline.one(COMPLETED) == others
    failure = "select audio_file_id, status, attempts from media_pipeline.transcription_failures"
    assert pipeline.one(failure) == (broken, "permanent", 1)
    assert pipeline.one(CLAIMS) == pipeline.one(OUTAGES) == 0


def test_the_same_refusal_for_every_file_is_no_files_fault(pipeline: Pipeline) -> None:
    away = Away(seconds=60)
    pipeline.add_many(FILES)
    pipeline.provider.answer = lambda _number, _request: refusal(400) if away else Answer()
    result = pipeline.run("--patience", "1")
    assert result.exit_code == 4
    assert "HTTP 400" in result.stderr
    assert (pipeline.one(FAILURES), pipeline.one(CLAIMS)) == (0, 0)
    away.end()
    assert pipeline.run().exit_code == 0
    assert pipeline.one(COMPLETED) == FILES


def test_some_files_that_are_refused_fail_for_good(pipeline: Pipeline) -> None:
    """A few bad files in a row are what they seem."""
    pipeline.add_many(10)
    pipeline.provider.answer_with(refusal(400))
    assert pipeline.run().exit_code == 1
    permanent = f"{FAILURES} where status = 'permanent'"
    assert pipeline.one(permanent) == 10
    assert pipeline.one(CLAIMS) == pipeline.one(OUTAGES) == 0


def test_refusals_in_different_words_are_about_the_files(pipeline: Pipeline) -> None:
    pipeline.add_many(FILES)
    pipeline.provider.answer = lambda number, _request: refusal(400, code=f"code_{number % 2}")
    assert pipeline.run("--concurrency", "1").exit_code == 1
    assert pipeline.one(FAILURES) == FILES


def test_a_provider_that_only_asks_for_fewer_requests_is_away(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "LONGEST_REFUSAL_SECONDS", 0.1)
    pipeline.add_many(20)
    pipeline.provider.answer_with(refusal(429, retry_after="0.2"))
    result = pipeline.run("--patience", "0", "--concurrency", "5")
    assert result.exit_code == 4
    assert "has asked for fewer requests for ten minutes" in result.stderr
    assert (pipeline.one(FAILURES), pipeline.one(CLAIMS), pipeline.one(OUTAGES)) == (0, 0, 1)


def test_both_away_come_back_in_any_order(pipeline: Pipeline) -> None:
    host_away, provider_away = Away(4), Away(3)
    add_files(pipeline, host_away, status(503))
    bool(provider_away)
    pipeline.provider.answer = lambda *_: refusal(503) if provider_away else Answer()
    result = pipeline.run("--concurrency", "4")
    assert result.exit_code == 0, result.output
    assert pipeline.one(COMPLETED) == FILES
    assert nothing_is_left(pipeline)


def test_an_outage_that_no_file_waits_for_holds_nothing_up(pipeline: Pipeline) -> None:
    pipeline.connection.execute(
        "insert into media_pipeline.service_outages (service, is_provider, reason, next_try_at)"
        " values ('vault.example.test', false, 'HTTP 503', now() + interval '1 hour')"
    )
    pipeline.add_many(3)
    began = time.monotonic()
    result: Any = pipeline.run()
    assert result.exit_code == 0
    assert time.monotonic() - began < 10
    assert pipeline.one(OUTAGES) == 1
