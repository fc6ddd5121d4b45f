"""A host of recordings, a provider, and `transcriber run` in processes between them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support import speech
from tests.support.database.catalogue import add_audio_file, one
from tests.support.servers.provider import Request, SpeechServer, speech_server
from tests.support.servers.web import WebServer, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from psycopg import Connection

MP3 = speech.mp3(speech.samples("librivox_0880"))

Process = subprocess.Popen[str]


@dataclass
class Pipeline:
    """What is between the recordings and the tables; the database is the one that PG* names."""

    connection: Connection
    host: WebServer
    provider: SpeechServer
    processes: list[Process] = field(default_factory=list)

    def add(self, name: str, **columns: Any) -> int:
        """Add a file that the host serves, unlike all others; return its id."""
        content = speech.tagged(MP3, name)
        self.host.pages[f"/vr/{name}.mp3"] = (200, "audio/mpeg", content)  # type: ignore[index]
        return add_audio_file(self.connection, self.host.url(f"/vr/{name}.mp3"), **columns)

    def start(self, key: str, *options: str) -> Process:
        """Start a worker that the provider knows by its key."""
        process = subprocess.Popen(
            [sys.executable, "-m", "transcriber", "run", *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={
                **os.environ,
                "OPENAI_API_KEY": key,
                "OPENAI_BASE_URL": self.provider.base_url,
                "TRANSCRIBER_ALLOW_NETWORK": "127.0.0.1/32",
            },
        )  # fmt: skip
        self.processes.append(process)
        return process

    def calls(self, key: str | None = None) -> list[Request]:
        """Return what the provider was asked, by one worker or by all."""
        return [each for each in self.provider.requests if key is None or each.key == key]

    def one(self, statement: str, *parameters: Any) -> Any:
        """Return the only row or value of a query."""
        return one(self.connection, statement, *parameters)

    def completed(self) -> int:
        """Count the transcripts."""
        return int(
            self.one("select count(*) from media_pipeline.transcriptions where status='completed'")
        )


@contextlib.contextmanager
def running_pipeline(connection: Connection) -> Iterator[Pipeline]:
    """Serve until the block ends, and leave no worker behind."""
    with serving({}) as host, speech_server() as provider:
        pipeline = Pipeline(connection, host, provider)
        try:
            yield pipeline
        finally:
            for process in pipeline.processes:
                if process.poll() is None:
                    process.kill()
                process.communicate()


def ended(process: Process, seconds: float = 30) -> tuple[int, str]:
    """Wait for a worker's end; return its exit code and all that it said."""
    output, errors = process.communicate(timeout=seconds)
    return process.returncode, output + errors


def freeze(process: Process) -> None:
    """Stop a process where it stands, until `thaw`."""
    process.send_signal(signal.SIGSTOP)


def thaw(process: Process) -> None:
    """Let a frozen process go on."""
    process.send_signal(signal.SIGCONT)


def until(condition: Callable[[], Any], seconds: float = 30) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
