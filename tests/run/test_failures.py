"""What a run records when a provider or a host refuses a file, and when it tries the file again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.database.catalogue import CLAIMS, COMPLETED, FAILURES, STATUS, add_audio_file
from tests.support.servers.provider import Answer, refusal

if TYPE_CHECKING:
    from tests.support.pipeline import Pipeline
    from tests.support.servers.web import Page

FAILURE = "select status, error_code, error, attempts from media_pipeline.transcription_failures"


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (refusal(400), "permanent", 400),
        (refusal(413), "permanent", 413),
        (refusal(422), "permanent", 422),
        (refusal(408), "transient", 408),
        (refusal(500), "transient", 500),
        (Answer(502, b"<html>bad gateway</html>", content_type="text/html"), "transient", 502),
        (Answer(200, b"<html>portal</html>", content_type="text/html"), "transient", None),
        (Answer(200, b'{"text": '), "transient", None),
        (Answer(200, b""), "transient", None),
        (Answer(200, {"text": None}), "transient", None),
        (Answer(200, {"foo": 1}), "transient", None),
    ],
    ids=str,
)
def test_what_a_provider_refuses_is_recorded(
    pipeline: Pipeline, answer: Answer, status: str, code: int | None
) -> None:
    pipeline.provider.answer_with(answer)
    pipeline.add()
    result = pipeline.run()
    assert result.exit_code == 1
    assert pipeline.one(FAILURE)[:2] == (status, code)
    assert pipeline.one(STATUS) == "failed"
    assert pipeline.one(CLAIMS) == 0
    assert len(pipeline.calls()) == 1


def test_a_throttled_file_waits_and_counts_no_attempt(pipeline: Pipeline) -> None:
    throttled = refusal(429, "rate_limit_exceeded", retry_after="0.1")
    pipeline.provider.answer_with(throttled, throttled, Answer())
    pipeline.add()
    assert pipeline.run().exit_code == 0
    assert len(pipeline.calls()) == 3
    assert pipeline.one(FAILURES) == 0


@pytest.mark.parametrize(
    ("page", "error"),
    [
        ((404, "text/plain", b"no"), "HTTP 404"),
        ((202, "text/plain", b"later"), "HTTP 202"),
        ((204, "text/plain", b""), "HTTP 204"),
        ((200, "audio/mpeg", b""), "the body is empty"),
        ((410, "text/plain", b"gone"), "HTTP 410"),
    ],
    ids=str,
)
@pytest.mark.parametrize("minutes", [10, 119, 121, None])
def test_a_recording_of_a_call_that_just_ended_may_still_come(
    pipeline: Pipeline, page: Page, error: str, minutes: int | None
) -> None:
    audio_file_id = pipeline.add("call", page)
    pipeline.connection.execute(
        "update media_pipeline.audio_files"
        " set stopped = now() - make_interval(mins => %s) where id = %s",
        [minutes, audio_file_id],
    )
    for _ in range(2):
        pipeline.run("--cooldown", "0", "--max-attempts", "2")
    may_come = minutes in {10, 119} and error != "HTTP 410"
    found = pipeline.one("select status, error from media_pipeline.transcription_failures")
    assert found == ("transient" if may_come else "permanent", error)


def test_a_forgotten_network_ends_the_run_and_counts_nothing(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRANSCRIBER_RUN_ALLOW_NETWORK")
    pipeline.add_many(60)
    began = pipeline.run("--concurrency", "4")
    assert began.exit_code == 2
    assert "--allow-network" in began.stderr
    assert pipeline.one(FAILURES) == pipeline.one(CLAIMS) == 0
    assert pipeline.host.hits == []
    assert pipeline.run("--allow-network", "127.0.0.1/32").exit_code == 0
    assert pipeline.one(COMPLETED) == 60


def test_one_private_address_among_good_files_is_that_files_own_failure(
    pipeline: Pipeline,
) -> None:
    for number in range(3):
        add_audio_file(pipeline.connection, f"http://10.255.255.1/{number}.mp3")
    pipeline.add_many(5)
    assert pipeline.run("--concurrency", "2").exit_code == 1
    assert pipeline.one(COMPLETED) == 5
    assert pipeline.one(FAILURES) == 3
    distinct = "select distinct status from media_pipeline.transcription_failures"
    assert pipeline.one(distinct) == "permanent"
    assert pipeline.one(CLAIMS) == 0


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (refusal(401, "invalid_api_key"), "OPENAI_API_KEY"),
        (refusal(403), "--model"),
        (refusal(404, "model_not_found"), "--model"),
        (Answer(404, {"detail": "Not Found"}), "base URL"),
        (Answer(402, b""), "top it up"),
        (Answer(400, {"error": {"code": "billing_not_active"}}), "billing_not_active"),
        (Answer(307, b"", headers={"Location": "http://198.51.100.1/v1"}), "base URL"),
        (refusal(429, "insufficient_quota"), "insufficient_quota"),
        (refusal(429, "project_spend_limit_exceeded"), "project_spend_limit_exceeded"),
    ],
    ids=str,
)
def test_what_a_person_must_mend_stops_the_run(
    pipeline: Pipeline, answer: Answer, words: str
) -> None:
    pipeline.provider.answer_with(answer)
    pipeline.add_many(5)
    result = pipeline.run("--concurrency", "2")
    assert result.exit_code == 3
    assert words in result.stderr
    assert len(pipeline.calls()) <= 2
    assert pipeline.one(FAILURES) == 0
    assert pipeline.one(CLAIMS) == 0


def test_the_last_attempt_makes_a_failure_permanent(pipeline: Pipeline) -> None:
    pipeline.provider.answer_with(refusal(500))
    pipeline.add()
    statuses = []
    for _ in range(4):
        pipeline.run("--cooldown", "0", "--max-attempts", "3")
        statuses.append(pipeline.one(FAILURE))
    error = "the provider answered HTTP 500"
    assert statuses == [
        ("transient", 500, error, 1),
        ("transient", 500, error, 2),
        ("permanent", 500, error, 3),
        ("permanent", 500, error, 3),
    ]


def test_a_cooldown_holds_until_the_failure_is_deleted_by_hand(pipeline: Pipeline) -> None:
    pipeline.provider.answer_with(refusal(500), Answer())
    pipeline.add()
    assert pipeline.run().exit_code == 1
    assert pipeline.run().stdout == (
        "Nothing to transcribe. Not tried: 1 file cooling down; see `transcriber failures`.\n"
    )
    pipeline.connection.execute(
        "delete from media_pipeline.transcription_failures where status='transient'"
    )
    assert pipeline.run().exit_code == 0
    assert pipeline.one(COMPLETED) == 1


def test_success_forgets_the_failure(pipeline: Pipeline) -> None:
    pipeline.provider.answer_with(refusal(500), Answer())
    pipeline.add()
    pipeline.run("--cooldown", "0")
    assert pipeline.run().exit_code == 0
    assert pipeline.one(FAILURES) == 0


def test_a_long_retry_after_outlasts_the_cooldown(pipeline: Pipeline) -> None:
    pipeline.provider.answer_with(refusal(503, retry_after="3600"))
    pipeline.add()
    pipeline.run("--cooldown", "1")
    seconds = pipeline.one(
        "select extract(epoch from ignore_until - now())::float"
        " from media_pipeline.transcription_failures"
    )
    assert 3500 < seconds <= 3600
