"""What a person at a terminal sees."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.support import speech
from tests.support.database.catalogue import add_audio_file
from tests.support.servers.provider import speech_server
from tests.support.servers.web import serving

if TYPE_CHECKING:
    import pytest
    from psycopg import Connection


def test_a_terminal_gets_a_bar_and_the_failures_above_it(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = speech.mp3(speech.samples("librivox_0880"))
    pages = {f"/{name}.mp3": (200, "audio/mpeg", recording) for name in ("a", "b")}
    monkeypatch.setenv("OPENAI_API_KEY", "a-key-of-the-tests")
    monkeypatch.setenv("TRANSCRIBER_ALLOW_NETWORK", "127.0.0.1/32")
    monkeypatch.setenv("TERM", "xterm")
    with serving(pages) as host, speech_server() as provider:
        monkeypatch.setenv("OPENAI_BASE_URL", provider.base_url)
        for path in ("/a.mp3", "/b.mp3", "/gone.mp3"):
            add_audio_file(connection, host.url(path))
        shown = _run_on_a_terminal([sys.executable, "-m", "transcriber", "run"])
    assert "transcribing" in shown
    assert "3/3" in shown
    assert "permanent failure, HTTP 404" in shown
    assert "2 completed, 1 failed" in shown


def _run_on_a_terminal(command: list[str]) -> str:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, stdout=theirs, stderr=theirs, close_fds=True)
    os.close(theirs)
    shown = b""
    while True:
        try:
            chunk = os.read(ours, 4096)
        except OSError:  # Linux says so when the other end is closed
            break
        if not chunk:
            break
        shown += chunk
    os.close(ours)
    assert process.wait() == 1
    return shown.decode()
