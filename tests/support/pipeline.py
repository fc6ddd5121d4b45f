"""A host of recordings, a provider, and `transcriber run` between them and the database."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner, Result

from tests.support import speech
from tests.support.database.catalogue import add_audio_file, one
from tests.support.servers.provider import Request, SpeechServer, speech_server
from tests.support.servers.web import WebServer, serving
from transcriber.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest
    from psycopg import Connection

    from tests.support.servers.web import Page

    Process = subprocess.Popen[str]

KEY = "a-key-of-the-tests"
MP3 = speech.mp3(speech.samples("librivox_0880"))


def recording(name: str) -> bytes:
    """Return the mp3 that the host serves under a name: spoken words, and the name in its tag."""
    return speech.tagged(MP3, name)


@dataclass
class Pipeline:
    """Everything around the database that the variables PG* name."""

    connection: Connection
    host: WebServer
    provider: SpeechServer
    processes: list[Process] = field(default_factory=list)

    def add(self, name: str = "call", page: Page | None = None, **columns: Any) -> int:
        """Serve a recording (or another page) and add its audio file; return the file's id."""
        path = f"/vr/{name}.mp3"
        self.host.pages[path] = page or (200, "audio/mpeg", recording(name))
        return add_audio_file(self.connection, self.host.url(path), **columns)

    def add_many(self, count: int, **columns: Any) -> list[int]:
        """Serve and add that many recordings; return the ids of their audio files."""
        return [self.add(f"call-{number}", **columns) for number in range(count)]

    def run(self, *options: str) -> Result:
        """Run `transcriber run` in this process."""
        return CliRunner().invoke(main, ["run", *options])

    def start(self, *options: str, key: str = KEY) -> Process:
        """Start `transcriber run` in a process of its own; the provider knows it by its key."""
        process = subprocess.Popen(
            [sys.executable, "-m", "transcriber", "run", *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "OPENAI_API_KEY": key},
        )  # fmt: skip
        self.processes.append(process)
        return process

    def calls(self, key: str | None = None) -> list[Request]:
        """Return the calls that the provider received, from one worker or from all."""
        return [each for each in self.provider.requests if key in {None, each.key}]

    def one(self, statement: str, *parameters: Any) -> Any:
        """Return the only row or value of a query."""
        return one(self.connection, statement, *parameters)


@contextlib.contextmanager
def running_pipeline(connection: Connection, patch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    """Serve until the block ends, and leave no worker behind.

    The patch points the variables of this process, which workers inherit, at both servers.
    """
    with serving({}) as host, speech_server() as provider:
        patch.setenv("OPENAI_API_KEY", KEY)
        patch.setenv("OPENAI_BASE_URL", provider.base_url)
        patch.setenv("TRANSCRIBER_RUN_ALLOW_NETWORK", "127.0.0.1/32")
        pipeline = Pipeline(connection, host, provider)
        try:
            yield pipeline
        finally:
            for process in pipeline.processes:
                if process.poll() is None:
                    process.kill()
                process.communicate()


def ended(process: Process, seconds: float = 30) -> tuple[int, str]:
    """Wait for a worker's end; return its exit code and everything that it printed."""
    output, errors = process.communicate(timeout=seconds)
    return process.returncode, output + errors


def freeze(process: Process) -> None:
    """Stop a process where it stands, until `thaw`."""
    process.send_signal(signal.SIGSTOP)


def thaw(process: Process) -> None:
    """Let a frozen process go on."""
    process.send_signal(signal.SIGCONT)
