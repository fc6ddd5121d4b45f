"""`transcriber run` with the provider openai: real PostgreSQL, real HTTP on loopback."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests.support.database.catalogue import CLAIMS, COMPLETED, FAILURES
from tests.support.pipeline import KEY, ended, recording
from tests.support.servers.provider import Answer
from transcriber.cli.main import main

if TYPE_CHECKING:
    from tests.support.pipeline import Pipeline

SPOKEN_SECONDS = 2.99


def test_a_file_is_transcribed_once(pipeline: Pipeline) -> None:
    file_id = pipeline.add(phone="+493023125001")
    result = pipeline.run()
    assert result.exit_code == 0, result.output
    assert "1 completed, 0 failed; 3 s of sound" in result.stdout
    row = pipeline.one(
        "select audio_file_id, provider, model, status, transcript_text, raw_response,"
        " completed_at is not null from media_pipeline.transcriptions"
    )
    assert row == (
        file_id, "OpenAI", "gpt-transcribe", "completed", "hello", {"text": "hello"}, True,
    )  # fmt: skip
    metadata = pipeline.one("select metadata from media_pipeline.transcriptions")
    assert metadata["audio"]["duration_seconds"] == pytest.approx(SPOKEN_SECONDS, abs=0.2)
    size, sha256 = pipeline.one(
        "select file_size_bytes, content_sha256 from media_pipeline.audio_files"
    )
    assert (size, len(sha256)) == (len(recording("call")), 64)
    assert pipeline.one(CLAIMS) == 0
    (request,) = pipeline.calls()
    assert (request.content, request.media_type) == (recording("call"), "audio/mpeg")
    assert request.filename == "recording.mp3"
    assert request.key == KEY

    again = pipeline.run()
    assert (again.exit_code, again.stdout) == (0, "Nothing to transcribe.\n")
    assert len(pipeline.calls()) == 1


def test_bad_files_do_not_stop_the_others(pipeline: Pipeline) -> None:
    pipeline.add("gone", (404, "text/plain", b"no"))
    pipeline.add("login", (200, "audio/mpeg", b"<!doctype html><title>Log in</title>"))
    pipeline.add("later", (503, "text/plain", b"busy"))
    pipeline.add("unreachable-scheme")
    pipeline.connection.execute(
        "update media_pipeline.audio_files set url = 'ftp://example.test/a' where url ~ 'scheme'"
    )
    pipeline.add_many(4)
    result = pipeline.run("--concurrency", "3")
    assert result.exit_code == 1
    assert "4 completed, 4 failed" in result.stdout
    assert pipeline.one(COMPLETED) == 4
    failures = pipeline.connection.execute(
        "select regexp_replace(url, '.*/', ''), failures.status, error_code, error,"
        " ignore_until > now() from media_pipeline.transcription_failures as failures"
        " inner join media_pipeline.audio_files on id = audio_file_id order by audio_file_id"
    ).fetchall()
    assert [failure[:3] for failure in failures] == [
        ("gone.mp3", "permanent", 404),
        ("login.mp3", "permanent", None),
        ("later.mp3", "transient", 503),
        ("a", "permanent", None),
    ]
    assert [cools_down for *_, cools_down in failures] == [None, None, True, None]
    for *_, reason, _ in failures:
        assert reason in result.stdout
        assert "127.0.0.1" not in reason
        assert "/vr/" not in reason
    assert pipeline.one(CLAIMS) == 0


def test_two_workers_do_every_file_once(pipeline: Pipeline) -> None:
    pipeline.add_many(40)
    pipeline.provider.answer_with(Answer(delay=0.05))
    workers = [pipeline.start("--concurrency", "3") for _ in range(3)]
    assert [ended(worker, 60)[0] for worker in workers] == [0, 0, 0]
    assert len(pipeline.calls()) == 40
    assert pipeline.one(COMPLETED) == 40


def test_limit_and_campaign_choose_the_files(pipeline: Pipeline) -> None:
    for number in range(6):
        pipeline.add(f"call-{number}", campaign_name="Spring" if number % 2 else "Autumn")
    assert pipeline.run("--limit", "2", "--campaign", "Spring").exit_code == 0
    campaigns = pipeline.connection.execute(
        "select campaign_name from media_pipeline.audio_files"
        " inner join media_pipeline.transcriptions on audio_files.id = audio_file_id"
        " where status = 'completed'"
    ).fetchall()
    assert campaigns == [("Spring",), ("Spring",)]
    assert pipeline.run().exit_code == 0
    assert pipeline.one(COMPLETED) == 6
    assert len(pipeline.calls()) == 6


def test_a_campaign_name_that_no_index_takes_is_no_obstacle(pipeline: Pipeline) -> None:
    name = "".join(f"{number:x}" for number in range(4_000))
    pipeline.add("long", campaign_name=name)
    pipeline.add("short", campaign_name="Spring")
    assert pipeline.run("--campaign", name).exit_code == 0
    assert pipeline.one(COMPLETED) == 1
    assert pipeline.run().exit_code == 0
    assert pipeline.one(COMPLETED) == 2


def test_the_language_and_model_reach_the_provider(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRANSCRIBER_RUN_LANGUAGE", "de")
    monkeypatch.setenv("TRANSCRIBER_RUN_MODEL", "whisper-1")
    segment = {"id": 0, "start": 0.0, "end": 1.5, "text": "hallo", "avg_logprob": -0.1}
    body = {"text": "hallo", "language": "german", "duration": 1.5, "segments": [segment]}
    pipeline.provider.answer_with(Answer(body=body))
    pipeline.add()
    assert pipeline.run().exit_code == 0
    (request,) = pipeline.calls()
    assert request.fields["language"] == ["de"]
    assert request.fields["model"] == ["whisper-1"]
    assert request.fields["response_format"] == ["verbose_json"]
    segments, language = pipeline.one(
        "select segments, metadata ->> 'language' from media_pipeline.transcriptions"
    )
    assert segments == [{"start": 0.0, "end": 1.5, "text": "hallo"}]
    assert language == "de"


def test_the_variables_of_earlier_releases_still_work(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.add_many(5)
    monkeypatch.setenv("TRANSCRIBER_LIMIT", "1")
    assert pipeline.run().exit_code == 0
    assert pipeline.one(COMPLETED) == 1
    monkeypatch.setenv("TRANSCRIBER_RUN_LIMIT", "2")
    assert pipeline.run().exit_code == 0
    assert pipeline.one(COMPLETED) == 3


def test_speakers_are_stored_as_diarization(pipeline: Pipeline) -> None:
    turn = {"type": "transcript.text.segment", "id": "s", "start": 0.0, "end": 1.0, "text": "hi"}
    body = {"text": "hi", "duration": 1.0, "segments": [{**turn, "speaker": "A"}]}
    pipeline.provider.answer_with(Answer(body=body))
    pipeline.add()
    assert pipeline.run("--model", "gpt-4o-transcribe-diarize").exit_code == 0
    assert pipeline.one("select diarization from media_pipeline.transcriptions") == [
        {"start": 0.0, "end": 1.0, "speaker": "A"}
    ]


def test_what_postgres_cannot_store_is_left_out(pipeline: Pipeline) -> None:
    body = b'{"text": "a\\u0000b \\ud800c", "logprobs": [], "languages": [{"code": "e\\u0000n"}]}'
    pipeline.provider.answer_with(Answer(body=body))
    pipeline.add()
    result = pipeline.run()
    assert result.exit_code == 0, result.output
    text, language = pipeline.one(
        "select transcript_text, metadata ->> 'language' from media_pipeline.transcriptions"
    )
    assert (text, language) == ("ab c", None)


def test_the_summary_comes_as_json(pipeline: Pipeline) -> None:
    pipeline.add("good")
    pipeline.add("gone", (410, "text/plain", b""))
    summary = json.loads(pipeline.run("--json").stdout)
    assert (summary["completed"], summary["failed"]) == (1, 1)
    assert summary["failures"] == [{"status": "permanent", "reason": "HTTP 410", "files": 1}]


def test_logs_hold_no_personal_data(pipeline: Pipeline) -> None:
    pipeline.add("PR_secret", phone="+493023125001")
    pipeline.add("PR_gone", (404, "text/plain", b""), phone="+493023125002")
    result = pipeline.run()
    for private in ("PR_", "127.0.0.1", "23125", "hello", KEY):
        assert private not in result.output


def test_nothing_heavy_is_loaded_when_nothing_is_pending(pipeline: Pipeline) -> None:
    program = (
        "import sys; from transcriber.cli.main import main\n"
        "try: main(['run'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "heavy = {'openai', 'httpx2', 'httpcore2', 'av', 'faster_whisper', 'yoyo'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL)
    assert pipeline.calls() == []


@pytest.mark.parametrize(
    ("options", "variables", "words"),
    [
        (["--provider", "nobody"], {}, "openai or local"),
        ([], {"OPENAI_API_KEY": ""}, "OPENAI_API_KEY"),
        (["--allow-network", "10.0.0.0/99"], {}, "10.0.0.0/99"),
        (["--provider", "local", "--model", "./no-such-folder"], {}, "no-such-folder"),
        (["--limit", "0"], {}, "--limit"),
        ([], {"TRANSCRIBER_RUN_CONCURRENCY": "many"}, "TRANSCRIBER_RUN_CONCURRENCY"),
        ([], {"PGPORT": "1"}, "PGHOST"),
    ],
    ids=str,
)
def test_wrong_usage_ends_before_anything_is_claimed(
    pipeline: Pipeline,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    variables: dict[str, str],
    words: str,
) -> None:
    pipeline.add()
    for name, value in {"HF_HUB_OFFLINE": "1", **variables}.items():
        monkeypatch.setenv(name, value)
    result = pipeline.run(*options)
    assert result.exit_code == 2
    assert words in result.stderr
    assert "Traceback" not in result.output
    assert pipeline.one(CLAIMS) == 0
    assert pipeline.one(FAILURES) == 0


def test_without_migrations_it_says_to_run_them(
    empty_database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    del empty_database
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    result = CliRunner().invoke(main, ["run"])
    assert result.exit_code == 2
    assert "transcriber migrate" in result.stderr
