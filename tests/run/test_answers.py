"""What a paid answer, or a server that cannot do everything, leads to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.servers.provider import Answer, refusal
from transcriber.providers import http_client

if TYPE_CHECKING:
    from tests.support.pipeline import Pipeline
    from tests.support.servers.provider import Request

FAILURE = "select status, error, attempts from media_pipeline.transcription_failures"
STORED = (
    "select transcript_text, segments, raw_response -> 'words'"
    " from media_pipeline.transcriptions where status = 'completed'"
)
SPOKEN = "these are the words of a call"


@pytest.mark.parametrize(
    "odd",
    [
        {"usage": {"seconds": "abc"}},
        {"usage": [SPOKEN], "segments": SPOKEN, "words": [SPOKEN]},
        {"words": [SPOKEN], "segments": [SPOKEN, {"start": "abc"}], "language": 7},
        {"languages": SPOKEN, "duration": {"a": [SPOKEN]}, "logprobs": SPOKEN},
    ],
    ids=str,
)
@pytest.mark.parametrize("model", ["gpt-transcribe", "whisper-1", "gpt-4o-transcribe-diarize"])
def test_an_odd_answer_is_paid_once_and_its_words_reach_no_screen(
    pipeline: Pipeline, odd: dict[str, object], model: str
) -> None:
    pipeline.provider.answer_with(Answer(200, {"text": SPOKEN, **odd}))
    pipeline.add()
    process = pipeline.start("--model", model)
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, len(pipeline.calls())) == (0, 1), stderr
    assert SPOKEN not in stdout + stderr
    assert pipeline.one(STORED) == (SPOKEN, None, odd.get("words"))


@pytest.mark.parametrize("body", [b'{"text": ', b"<html>portal</html>", b'{"foo": 1}'], ids=str)
def test_an_unreadable_answer_is_paid_for_twice_at_most(pipeline: Pipeline, body: bytes) -> None:
    pipeline.provider.answer_with(Answer(200, body))
    pipeline.add()
    for _ in range(3):
        pipeline.run("--cooldown", "0")
    assert len(pipeline.calls()) == 2
    assert pipeline.one(FAILURE) == ("permanent", "the provider's answer holds no transcript", 2)


def test_an_endless_answer_is_given_up(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "LONGEST_ANSWER_BYTES", 100_000)
    pipeline.provider.answer_with(Answer(200, {"text": 200_000 * "a"}))
    pipeline.add()
    for _ in range(3):
        pipeline.run("--cooldown", "0")
    reason = "the provider's answer is longer than any transcript"
    assert pipeline.one(FAILURE) == ("permanent", reason, 2)
    assert len(pipeline.calls()) == 2


@pytest.mark.parametrize(
    "refused",
    [
        Answer(400, {"error": {"param": "response_format", "message": "not supported"}}),
        Answer(422, {"detail": [{"loc": ["body", "timestamp_granularities"], "msg": "odd"}]}),
        Answer(400, b"unknown value verbose_json"),
    ],
    ids=str,
)
def test_a_server_without_verbose_json_is_asked_for_plain_json_and_that_is_remembered(
    pipeline: Pipeline, refused: Answer
) -> None:
    def answer(_number: int, request: Request) -> Answer:
        return refused if request.fields["response_format"] == ["verbose_json"] else Answer()

    pipeline.provider.answer = answer
    pipeline.add_many(5)
    assert pipeline.run("--model", "whisper-1", "--concurrency", "1").exit_code == 0
    formats = [request.fields["response_format"] for request in pipeline.calls()]
    assert formats == [["verbose_json"], *5 * [["json"]]]
    assert all(request.content for request in pipeline.calls())


def test_a_server_that_refuses_plain_json_too_is_asked_twice(pipeline: Pipeline) -> None:
    refused = Answer(400, {"error": {"param": "response_format", "message": "not supported"}})
    pipeline.provider.answer_with(refused)
    pipeline.add()
    assert pipeline.run("--model", "whisper-1").exit_code == 1
    assert len(pipeline.calls()) == 2
    assert pipeline.one(FAILURE)[0] == "permanent"


def test_the_key_does_not_follow_a_redirect(pipeline: Pipeline) -> None:
    elsewhere = pipeline.provider.base_url + "/audio/transcriptions"
    pipeline.provider.answer_with(Answer(307, b"", headers={"Location": elsewhere}), Answer())
    pipeline.add()
    assert pipeline.run().exit_code == 3
    assert len(pipeline.calls()) == 1


def test_failures_of_one_status_are_told_apart(pipeline: Pipeline) -> None:
    messages = iter(("1500 s is longer than 1400 s", "the language is unknown"))

    def answer(_number: int, _request: Request) -> Answer:
        body = {"error": {"code": "invalid_value", "message": next(messages)}}
        return Answer(400, json.dumps(body).encode())

    pipeline.provider.answer = answer
    pipeline.add_many(2)
    pipeline.run("--concurrency", "1")
    assert (
        pipeline.one("select count(distinct error) from media_pipeline.transcription_failures") == 2
    )


def test_a_message_is_masked_in_the_failure(pipeline: Pipeline) -> None:
    body = {"error": {"message": "cannot read https://vault.example.test/a.mp3 of +493023125001"}}
    pipeline.provider.answer_with(Answer(400, body))
    pipeline.add()
    pipeline.run()
    error = pipeline.one(FAILURE)[1]
    assert error.startswith("the provider refused the file (HTTP 400): cannot read")
    assert "vault" not in error
    assert "23125" not in error


def test_a_refusal_with_a_page_of_html_names_no_page(pipeline: Pipeline) -> None:
    pipeline.provider.answer_with(Answer(400, b"<html>" + SPOKEN.encode() + b"</html>"))
    pipeline.add()
    pipeline.run()
    assert pipeline.one(FAILURE)[1] == "the provider refused the file (HTTP 400): a web page"


def test_a_later_answer_forgets_that_one_could_not_be_read(pipeline: Pipeline) -> None:
    pipeline.provider.answer_with(Answer(200, b""), Answer(), refusal(500))
    pipeline.add()
    pipeline.run("--cooldown", "0")
    assert pipeline.run("--cooldown", "0").exit_code == 0
    assert pipeline.one("select count(*) from media_pipeline.transcription_failures") == 0
