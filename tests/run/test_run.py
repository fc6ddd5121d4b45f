"""`transcriber run` with the provider openai: real PostgreSQL, real HTTP on loopback."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from tests.support import speech
from tests.support.database.catalogue import add_audio_file, one
from tests.support.servers.provider import Answer, SpeechServer, refusal, speech_server
from tests.support.servers.web import WebServer, serving
from transcriber.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psycopg

MP3 = speech.mp3(speech.samples("librivox_0880"))
MP3_SECONDS = 2.99
CLAIMS = "select count(*) from media_pipeline.transcription_claims"
COMPLETED = "select count(*) from media_pipeline.transcriptions where status = 'completed'"
FAILURE = "select status, error_code, error, attempts from media_pipeline.transcription_failures"


@dataclass
class Pipeline:
    """A database, a host of recordings and a provider, with `transcriber run` between them."""

    connection: psycopg.Connection
    host: WebServer
    provider: SpeechServer

    def add(self, name: str = "call", page: Any = (200, "audio/mpeg", MP3), **columns: Any) -> int:
        """Add a file that the host serves; return its id."""
        self.host.pages[f"/vr/{name}.mp3"] = page  # type: ignore[index]
        return add_audio_file(self.connection, self.host.url(f"/vr/{name}.mp3"), **columns)

    def run(self, *options: str) -> Result:
        """Run the command in this process."""
        return CliRunner().invoke(main, ["run", *options])

    def start(self, *options: str) -> subprocess.Popen[str]:
        """Run the command in a process of its own."""
        command = [sys.executable, "-m", "transcriber", "run", *options]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def one(self, statement: str, *parameters: Any) -> Any:
        """Return the only row or value of a query."""
        return one(self.connection, statement, *parameters)


@pytest.fixture
def pipeline(connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    with serving({}) as host, speech_server() as provider:
        monkeypatch.setenv("OPENAI_API_KEY", "a-key-of-the-tests")
        monkeypatch.setenv("OPENAI_BASE_URL", provider.base_url)
        monkeypatch.setenv("TRANSCRIBER_ALLOW_NETWORK", "127.0.0.1/32")
        yield Pipeline(connection, host, provider)


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


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
    assert metadata["audio"]["duration_seconds"] == pytest.approx(MP3_SECONDS, abs=0.2)
    size, sha256 = pipeline.one(
        "select file_size_bytes, content_sha256 from media_pipeline.audio_files"
    )
    assert (size, len(sha256)) == (len(MP3), 64)
    assert pipeline.one(CLAIMS) == 0
    (request,) = pipeline.provider.requests
    assert (request.content, request.media_type) == (MP3, "audio/mpeg")
    assert request.filename == "recording.mp3"
    assert request.key == "a-key-of-the-tests"

    again = pipeline.run()
    assert (again.exit_code, again.stdout) == (0, "Nothing to transcribe.\n")
    assert len(pipeline.provider.requests) == 1


def test_bad_files_do_not_stop_the_others(pipeline: Pipeline) -> None:
    pipeline.add("gone", (404, "text/plain", b"no"))
    pipeline.add("login", (200, "audio/mpeg", b"<!doctype html><title>Log in</title>"))
    pipeline.add("later", (503, "text/plain", b"busy"))
    pipeline.add("unreachable-scheme")
    pipeline.connection.execute(
        "update media_pipeline.audio_files set url = 'ftp://example.test/a' where url ~ 'scheme'"
    )
    for number in range(4):
        pipeline.add(f"good-{number}")
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


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (refusal(400), "permanent", 400),
        (refusal(413), "permanent", 413),
        (refusal(422), "permanent", 422),
        (refusal(404), "transient", 404),
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
    pipeline.provider.answer = lambda _number, _request: answer
    pipeline.add()
    result = pipeline.run()
    assert result.exit_code == 1
    assert pipeline.one(FAILURE)[:2] == (status, code)
    assert pipeline.one("select status from media_pipeline.transcriptions") == "failed"
    assert pipeline.one(CLAIMS) == 0
    assert len(pipeline.provider.requests) == 1


def test_a_throttled_file_waits_and_counts_no_attempt(pipeline: Pipeline) -> None:
    pipeline.provider.answer = lambda number, _request: (
        refusal(429, "rate_limit_exceeded", retry_after="0.1") if number < 2 else Answer()
    )
    pipeline.add()
    assert pipeline.run().exit_code == 0
    assert len(pipeline.provider.requests) == 3
    assert pipeline.one("select count(*) from media_pipeline.transcription_failures") == 0


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (refusal(401, "invalid_api_key"), "OPENAI_API_KEY"),
        (refusal(403), "--model"),
        (refusal(404, "model_not_found"), "--model"),
        (refusal(429, "insufficient_quota"), "insufficient_quota"),
        (refusal(429, "project_spend_limit_exceeded"), "project_spend_limit_exceeded"),
    ],
    ids=str,
)
def test_what_a_person_must_mend_stops_the_run(
    pipeline: Pipeline, answer: Answer, words: str
) -> None:
    pipeline.provider.answer = lambda _number, _request: answer
    for number in range(5):
        pipeline.add(f"call-{number}")
    result = pipeline.run("--concurrency", "2")
    assert result.exit_code == 3
    assert words in result.stderr
    assert len(pipeline.provider.requests) <= 2
    assert pipeline.one("select count(*) from media_pipeline.transcription_failures") == 0
    assert pipeline.one(CLAIMS) == 0


def test_the_last_attempt_makes_a_failure_permanent(pipeline: Pipeline) -> None:
    pipeline.provider.answer = lambda _number, _request: refusal(500)
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
    pipeline.provider.answer = lambda number, _request: refusal(500) if number == 0 else Answer()
    pipeline.add()
    assert pipeline.run().exit_code == 1
    assert pipeline.run().stdout == "Nothing to transcribe.\n"
    pipeline.connection.execute(
        "delete from media_pipeline.transcription_failures where status='transient'"
    )
    assert pipeline.run().exit_code == 0
    assert pipeline.one(COMPLETED) == 1


def test_success_forgets_the_failure(pipeline: Pipeline) -> None:
    pipeline.provider.answer = lambda number, _request: refusal(500) if number == 0 else Answer()
    pipeline.add()
    pipeline.run("--cooldown", "0")
    assert pipeline.run().exit_code == 0
    assert pipeline.one("select count(*) from media_pipeline.transcription_failures") == 0


def test_a_long_retry_after_outlasts_the_cooldown(pipeline: Pipeline) -> None:
    pipeline.provider.answer = lambda _number, _request: refusal(503, retry_after="3600")
    pipeline.add()
    pipeline.run("--cooldown", "1")
    seconds = pipeline.one(
        "select extract(epoch from ignore_until - now())::float"
        " from media_pipeline.transcription_failures"
    )
    assert 3500 < seconds <= 3600


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
    assert len(pipeline.provider.requests) == 6


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
    monkeypatch.setenv("TRANSCRIBER_LANGUAGE", "de")
    monkeypatch.setenv("TRANSCRIBER_MODEL", "whisper-1")
    segment = {"id": 0, "start": 0.0, "end": 1.5, "text": "hallo", "avg_logprob": -0.1}
    pipeline.provider.answer = lambda _number, _request: Answer(
        body={"text": "hallo", "language": "german", "duration": 1.5, "segments": [segment]}
    )
    pipeline.add()
    assert pipeline.run().exit_code == 0
    (request,) = pipeline.provider.requests
    assert request.fields["language"] == ["de"]
    assert request.fields["model"] == ["whisper-1"]
    assert request.fields["response_format"] == ["verbose_json"]
    segments, language = pipeline.one(
        "select segments, metadata ->> 'language' from media_pipeline.transcriptions"
    )
    assert segments == [{"start": 0.0, "end": 1.5, "text": "hallo"}]
    assert language == "german"


def test_speakers_are_stored_as_diarization(pipeline: Pipeline) -> None:
    turn = {"type": "transcript.text.segment", "id": "s", "start": 0.0, "end": 1.0, "text": "hi"}
    pipeline.provider.answer = lambda _number, _request: Answer(
        body={"text": "hi", "duration": 1.0, "segments": [{**turn, "speaker": "A"}]}
    )
    pipeline.add()
    assert pipeline.run("--model", "gpt-4o-transcribe-diarize").exit_code == 0
    assert pipeline.one("select diarization from media_pipeline.transcriptions") == [
        {"start": 0.0, "end": 1.0, "speaker": "A"}
    ]


def test_what_postgres_cannot_store_is_left_out(pipeline: Pipeline) -> None:
    body = b'{"text": "a\\u0000b \\ud800c", "logprobs": [], "languages": [{"code": "e\\u0000n"}]}'
    pipeline.provider.answer = lambda _number, _request: Answer(body=body)
    pipeline.add()
    result = pipeline.run()
    assert result.exit_code == 0, result.output
    text, language = pipeline.one(
        "select transcript_text, metadata ->> 'language' from media_pipeline.transcriptions"
    )
    assert (text, language) == ("ab c", "en")


def test_loopback_is_refused_unless_named(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRANSCRIBER_ALLOW_NETWORK")
    pipeline.add()
    assert pipeline.run().exit_code == 1
    status, _, error, _ = pipeline.one(FAILURE)
    assert status == "permanent"
    assert "--allow-network" in error
    assert pipeline.host.hits == []


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
    for private in ("PR_", "127.0.0.1", "23125", "hello", "a-key-of-the-tests"):
        assert private not in result.output


def test_two_workers_do_every_file_once(pipeline: Pipeline) -> None:
    for number in range(40):
        pipeline.add(f"call-{number}")
    pipeline.provider.answer = lambda _number, _request: Answer(delay=0.05)
    workers = [pipeline.start("--concurrency", "3") for _ in range(3)]
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    for worker in workers:
        worker.communicate()
    assert len(pipeline.provider.requests) == 40
    assert pipeline.one(COMPLETED) == 40


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_worker_releases_its_claims(
    pipeline: Pipeline, number: signal.Signals, code: int
) -> None:
    for file in range(5):
        pipeline.add(f"call-{file}")
    pipeline.provider.answer = lambda _number, _request: Answer(delay=30)
    worker = pipeline.start("--concurrency", "2", "--grace", "0.5")
    until(lambda: len(pipeline.provider.requests) == 2)
    began = time.monotonic()
    worker.send_signal(number)
    _, errors = worker.communicate(timeout=10)
    assert time.monotonic() - began < 5
    assert worker.returncode == code
    assert "claims are released" in errors
    assert "Traceback" not in errors
    assert pipeline.one(CLAIMS) == 0
    assert pipeline.one("select count(*) from media_pipeline.transcription_failures") == 0


def test_a_stopped_worker_finishes_what_is_paid_for(pipeline: Pipeline) -> None:
    for file in range(5):
        pipeline.add(f"call-{file}")
    pipeline.provider.answer = lambda _number, _request: Answer(delay=1)
    worker = pipeline.start("--concurrency", "2")
    until(lambda: len(pipeline.provider.requests) == 2)
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=10)
    assert worker.returncode == 143
    assert pipeline.one(COMPLETED) == 2
    assert len(pipeline.provider.requests) == 2
    assert pipeline.one(CLAIMS) == 0


def test_a_second_signal_stops_at_once(pipeline: Pipeline) -> None:
    pipeline.add()
    pipeline.provider.answer = lambda _number, _request: Answer(delay=30)
    worker = pipeline.start("--grace", "60")
    until(lambda: len(pipeline.provider.requests) == 1)
    worker.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    assert worker.poll() is None
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=5)
    assert worker.returncode == 143
    assert pipeline.one(CLAIMS) == 0


def test_files_of_a_killed_worker_are_taken_over(pipeline: Pipeline) -> None:
    pipeline.add()
    pipeline.provider.answer = lambda number, _request: Answer(delay=30 if number == 0 else 0)
    worker = pipeline.start("--claim-ttl", "1.5")
    until(lambda: len(pipeline.provider.requests) == 1)
    worker.kill()
    worker.communicate()
    assert pipeline.run().stdout.startswith("Nothing") or pipeline.one(CLAIMS) == 1
    until(
        lambda: pipeline.one("select expires_at < now() from media_pipeline.transcription_claims")
    )
    assert pipeline.run().exit_code == 0
    assert pipeline.one(COMPLETED) == 1


def test_a_claim_outlives_a_file_longer_than_its_ttl(pipeline: Pipeline) -> None:
    pipeline.add()
    pipeline.provider.answer = lambda _number, _request: Answer(delay=3)
    worker = pipeline.start("--claim-ttl", "1")
    until(lambda: len(pipeline.provider.requests) == 1)
    time.sleep(1.5)
    assert pipeline.run().exit_code == 0  # finds nothing to take over
    worker.communicate(timeout=10)
    assert worker.returncode == 0
    assert len(pipeline.provider.requests) == 1


def test_a_result_is_kept_when_its_claim_was_deleted_by_hand(pipeline: Pipeline) -> None:
    pipeline.add()
    pipeline.provider.answer = lambda _number, _request: Answer(delay=1)
    worker = pipeline.start()
    until(lambda: len(pipeline.provider.requests) == 1)
    pipeline.connection.execute("delete from media_pipeline.transcription_claims")
    worker.communicate(timeout=10)
    assert worker.returncode == 0
    assert pipeline.one(COMPLETED) == 1


def test_a_result_is_discarded_when_another_took_the_file(pipeline: Pipeline) -> None:
    pipeline.add()
    pipeline.provider.answer = lambda _number, _request: Answer(delay=1)
    worker = pipeline.start()
    until(lambda: len(pipeline.provider.requests) == 1)
    pipeline.connection.execute(
        "update media_pipeline.transcription_claims set claimed_by = 'another', claimed_at = now()"
    )
    output, _ = worker.communicate(timeout=10)
    assert "taken over by another worker" in output
    assert pipeline.one(COMPLETED) == 0
    assert pipeline.one("select claimed_by from media_pipeline.transcription_claims") == "another"


def test_a_lost_claim_ends_the_work_on_it(pipeline: Pipeline) -> None:
    pipeline.add()
    pipeline.provider.answer = lambda _number, _request: Answer(delay=20)
    worker = pipeline.start("--claim-ttl", "1")
    until(lambda: len(pipeline.provider.requests) == 1)
    pipeline.connection.execute(
        "update media_pipeline.transcription_claims"
        " set claimed_by = 'another', expires_at = now() + interval '1 hour'"
    )
    began = time.monotonic()
    output, _ = worker.communicate(timeout=15)
    assert time.monotonic() - began < 10
    assert "taken over by another worker" in output


def test_a_file_deleted_meanwhile_is_no_failure(pipeline: Pipeline) -> None:
    pipeline.add()
    pipeline.provider.answer = lambda _number, _request: Answer(delay=1)
    worker = pipeline.start()
    until(lambda: len(pipeline.provider.requests) == 1)
    pipeline.connection.execute("delete from media_pipeline.audio_files")
    output, errors = worker.communicate(timeout=10)
    assert worker.returncode == 0, errors
    assert "taken over" in output


def test_no_transaction_is_open_while_a_provider_is_awaited(pipeline: Pipeline) -> None:
    pipeline.add()
    pipeline.provider.answer = lambda _number, _request: Answer(delay=1)
    worker = pipeline.start()
    until(lambda: len(pipeline.provider.requests) == 1)
    time.sleep(0.2)
    open_transactions = pipeline.one(
        "select count(*) from pg_stat_activity"
        " where datname = current_database() and xact_start is not null"
        " and pid != pg_backend_pid() and backend_type = 'client backend'"
    )
    worker.communicate(timeout=10)
    assert open_transactions == 0


def test_nothing_heavy_is_loaded_when_nothing_is_pending(pipeline: Pipeline) -> None:
    program = (
        "import sys; from transcriber.cli.main import main\n"
        "try: main(['run'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "heavy = {'openai', 'httpx2', 'httpcore2', 'av', 'faster_whisper', 'yoyo'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL)
    assert pipeline.provider.requests == []


@pytest.mark.parametrize(
    ("options", "variables", "words"),
    [
        (["--provider", "nobody"], {}, "openai or local"),
        ([], {"OPENAI_API_KEY": ""}, "OPENAI_API_KEY"),
        (["--allow-network", "10.0.0.0/99"], {}, "10.0.0.0/99"),
        (["--provider", "local", "--model", "./no-such-folder"], {}, "no-such-folder"),
        (["--limit", "0"], {}, "--limit"),
        ([], {"TRANSCRIBER_CONCURRENCY": "many"}, "TRANSCRIBER_CONCURRENCY"),
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
    assert pipeline.one("select count(*) from media_pipeline.transcription_failures") == 0


def test_without_migrations_it_says_to_run_them(
    empty_database: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    del empty_database
    monkeypatch.setenv("OPENAI_API_KEY", "a-key-of-the-tests")
    result = CliRunner().invoke(main, ["run"])
    assert result.exit_code == 2
    assert "transcriber migrate" in result.stderr
