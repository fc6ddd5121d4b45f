"""The refresh while others work: the transcriber, programs that insert by hand, and kill -9."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.support import speech
from tests.support.database.catalogue import one, url_sha1
from tests.support.database.handover import statement
from tests.support.refresh.dbt import SOURCE_TABLES, Dbt, finish, generate_recordings
from tests.support.servers.postgres import running_server
from tests.support.servers.provider import Answer, speech_server
from tests.support.servers.web import WebServer, serving
from tests.support.wait import until
from transcriber.db import migrate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MP3 = speech.mp3(speech.samples("librivox_0880"))
# of those that the handover's insert names, what a careless program leaves out
LEFT_OUT = dict.fromkeys(
    ("campaign_name", "content_sha256", "duration_seconds", "index_in_phone", "b2_object_key",
     "local_path", "file_size_bytes", "source_table", "source_row_id")
)  # fmt: skip
MISNUMBERED = """
    select count(*) from (
        select *, row_number() over (partition by phone order by started nulls last, id) as n
        from media_pipeline.audio_files
    ) as calls where index_in_phone is distinct from n
"""
WAITING = """
    from pg_stat_activity
    where application_name = 'dbt' and wait_event_type = 'Lock' and query like %s
"""


def serve_recordings(connection: psycopg.Connection, host: WebServer, ids: range) -> None:
    """Insert recordings whose audio can be downloaded."""
    generate_recordings(connection, ids, contacts=7)
    for number in ids:
        host.pages[f"/vr/PR_{number}.mp3"] = (200, "audio/mpeg", MP3)
    connection.execute(
        "update recordings set location = %s || id || '.mp3' where id between %s and %s",
        [host.url("/vr/PR_"), ids.start, ids.stop - 1],
    )


class ByHand(threading.Thread):
    """A program that inserts recordings with the handover's statement, first fast, then slowly."""

    def __init__(self, urls: Iterator[str]) -> None:
        """Take the URLs to insert."""
        super().__init__()
        self.urls = urls
        self.is_enough = threading.Event()
        self.inserted = 0
        self.error: Exception | None = None

    def run(self) -> None:
        """Insert until it is enough; every phone of the dialer gets calls, before and after."""
        try:
            with psycopg.connect(autocommit=True) as connection:
                for number, url in enumerate(self.urls):
                    if self.is_enough.wait(0.02 if number < 30 else 0.2):
                        return
                    started = f"2026-01-01 {number % 24:02}:00Z"
                    row = connection.execute(
                        statement("insert_audio_file"),
                        {
                            **LEFT_OUT,
                            "url": url,
                            "url_sha1": url_sha1(url),
                            "phone": f"+493023125{number % 7:03}",
                            "recording_id": None if number % 2 else f"PR_by_hand_{number}",
                            "started": started,
                            "stopped": None,
                        },
                    ).fetchone()
                    self.inserted += row is not None
        except psycopg.Error as error:
            self.error = error


def test_builds_runs_and_inserts_by_hand_at_once(
    connection: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.execute(SOURCE_TABLES)
    dbt = Dbt(tmp_path / "dbt")
    with serving({}) as host, speech_server() as provider:
        monkeypatch.setenv("OPENAI_API_KEY", "a-key-of-the-tests")
        monkeypatch.setenv("OPENAI_BASE_URL", provider.base_url)
        monkeypatch.setenv("TRANSCRIBER_ALLOW_NETWORK", "127.0.0.1/32")
        provider.answer = lambda _number, _request: Answer(delay=0.2)

        def transcribe() -> subprocess.Popen[str]:
            return subprocess.Popen(
                [sys.executable, "-m", "transcriber", "run", "--concurrency", "2"],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )

        serve_recordings(connection, host, range(1_000, 1_040))
        dbt.run("run")
        # while the first files are transcribed, more arrive by both ways, some by either
        worker = transcribe()
        until_doing(lambda: len(provider.requests) > 2, worker)
        serve_recordings(connection, host, range(1_040, 1_060))
        both = [host.url(f"/vr/PR_{number}.mp3") for number in range(1_050, 1_060)]
        own = [host.url(f"/vr/by-hand-{number}.mp3") for number in range(10_000)]
        for path in own:
            host.pages["/vr/" + path.rpartition("/")[2]] = (200, "audio/mpeg", MP3)
        by_hand = ByHand(iter([*own[:5], *both, *own[5:]]))
        build = dbt.start("build", "--exclude-resource-type", "unit_test")
        by_hand.start()
        said = build.communicate()[0]
        by_hand.is_enough.set()
        by_hand.join()
        assert by_hand.error is None
        assert build.returncode == 0, said
        finish(worker)

        # all that is left is done by the next ones, and nothing twice
        dbt.run("build", "--exclude-resource-type", "unit_test")
        finish(transcribe())
        files = one(connection, "select count(*) from media_pipeline.audio_files")
        assert files == one(
            connection, "select count(distinct url) from media_pipeline.audio_files"
        )
        assert files >= 60 + by_hand.inserted - len(both)
        completed = "select count(*) from media_pipeline.transcriptions where status = 'completed'"
        assert one(connection, completed) == files == len(provider.requests)
        assert one(connection, MISNUMBERED) == 0


@pytest.fixture
def own_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    """Run a server that no other test misses while it recovers from a killed backend."""
    with running_server() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        migrate.apply()
        with psycopg.connect(autocommit=True) as connection:
            connection.execute(SOURCE_TABLES)
            yield connection


def connection_again() -> psycopg.Connection:
    """Connect as soon as the server has recovered."""

    def connect() -> psycopg.Connection | None:
        with contextlib.suppress(psycopg.OperationalError):
            return psycopg.connect(autocommit=True)
        return None

    return until(connect, seconds=60)


def until_gone(connection: psycopg.Connection, backend: int) -> None:
    """Wait until PostgreSQL has ended the session of a killed client."""
    gone = "select count(*) = 0 from pg_stat_activity where pid = %s"
    until(lambda: one(connection, gone, backend), seconds=60)


def until_doing(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait for a condition that a process makes true; show its output if it does not."""

    def end() -> str:
        process.kill()
        return process.communicate()[0]

    until(condition, seconds=120, process=process, report=end)


def contents(connection: psycopg.Connection) -> list[tuple[object, ...]]:
    return connection.execute(
        "select source_row_id, index_in_phone from media_pipeline.audio_files order by id"
    ).fetchall()


@contextlib.contextmanager
def blocked_insert() -> Iterator[str]:
    """Keep a refresh in the middle of its insert; yield a pattern of that statement."""
    url = "https://vault.example.test/vr/PR_150.mp3"
    with contextlib.suppress(psycopg.OperationalError), psycopg.connect() as blocker:
        insert = "insert into media_pipeline.audio_files (url, url_sha1) values (%s, %s)"
        blocker.execute(insert, [url, url_sha1(url)])
        yield "%insert into%audio_files%"
        blocker.rollback()


@contextlib.contextmanager
def blocked_numbering() -> Iterator[str]:
    """Keep a refresh in the middle of its numbering, when it has inserted everything."""
    with contextlib.suppress(psycopg.OperationalError), psycopg.connect() as blocker:
        blocker.execute("select from media_pipeline.audio_files where id = 50 for update")
        yield "%update%index_in_phone%"


def test_what_a_kill_leaves_half_done_is_undone(
    own_server: psycopg.Connection, tmp_path: Path
) -> None:
    dbt = Dbt(tmp_path / "dbt")
    generate_recordings(own_server, range(1_000, 1_100), contacts=5)
    dbt.run("run")
    before = contents(own_server)
    # these come before the known ones, which therefore move
    generate_recordings(own_server, range(100, 200), contacts=5)

    for victim, blocked in [
        ("dbt", blocked_insert),
        ("backend", blocked_numbering),
    ]:
        with blocked() as doing:
            build = dbt.start("run")
            with connection_again() as connection:
                until_doing(
                    lambda: one(connection, f"select count(*) {WAITING}", doing) == 1, build
                )
                backend = one(connection, f"select pid {WAITING}", doing)
            if victim == "dbt":
                build.kill()
            else:
                os.kill(backend, signal.SIGKILL)
            build.communicate()
            assert build.returncode
        with connection_again() as connection:
            # a backend learns of its client's end only when it has an answer to send
            until_gone(connection, backend)
            assert contents(connection) == before

    dbt.run("run")
    with connection_again() as connection:
        assert len(contents(connection)) == 200
        assert one(connection, MISNUMBERED) == 0
