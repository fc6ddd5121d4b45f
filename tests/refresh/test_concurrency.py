"""The refresh beside other builds, the transcriber and other programs, and after kill -9."""

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
from tests.support.refresh.compare import misnumbered
from tests.support.refresh.dbt import SOURCE_TABLES, Dbt, finish, generate_recordings
from tests.support.servers.postgres import running_server
from tests.support.servers.provider import Answer, speech_server
from tests.support.servers.web import WebServer, serving
from tests.support.wait import until
from transcriber.db import migrate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    Blocked = AbstractContextManager[str]

MP3 = speech.mp3(speech.samples("librivox_0880"))
LOCK = "select pg_advisory_xact_lock(hashtextextended('dbt media_pipeline.audio_files', 0))"
# The insert of other programs names these columns; a careless program leaves them out.
LEFT_OUT = dict.fromkeys(
    ("campaign_name", "content_sha256", "duration_seconds", "index_in_phone", "b2_object_key",
     "local_path", "file_size_bytes", "source_table", "source_row_id")
)  # fmt: skip
# In a transaction, pg_stat_activity would show the same picture again and again.
TWO_WAIT = """
    select count(*) = 2 from pg_locks
    where
        locktype = 'advisory' and not granted
        and database = (select oid from pg_database where datname = current_database())
"""
# Statements of dbt that wait for a lock.
WAITING = """
    from pg_stat_activity
    where
        application_name = 'dbt' and datname = current_database()
        and wait_event_type = 'Lock' and query like %s
"""
IS_GONE = "select not exists (select from pg_stat_activity where pid = %s)"


def killed(process: subprocess.Popen[str]) -> str:
    """Kill a process, and return what it said."""
    process.kill()
    return process.communicate()[0]


def test_two_builds_at_once(source: psycopg.Connection, tmp_path: Path) -> None:
    generate_recordings(source, range(1_001, 2_001))
    with source.transaction():
        # Both builds have read the source when they wait for their turn.
        source.execute(LOCK)
        builds = [Dbt(tmp_path / name).start("build") for name in ("first", "second")]
        until(
            lambda: one(source, TWO_WAIT),
            seconds=60,
            report=lambda: "\n".join(map(killed, builds)),
        )
        generate_recordings(source, range(501, 1_001))
    for build in builds:
        finish(build)
    loaded = "select count(*), count(distinct source_row_id) from media_pipeline.audio_files"
    assert one(source, loaded) == (1_500, 1_500)
    assert misnumbered(source) == []


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
    """A program that inserts recordings with a statement of its own, first fast, then slowly."""

    def __init__(self, urls: Iterator[str]) -> None:
        """Take the URLs to insert."""
        super().__init__()
        self.urls = urls
        self.is_enough = threading.Event()
        self.inserted = 0
        self.error: Exception | None = None

    def run(self) -> None:
        """Insert earlier and later calls of every phone of the dialer, until `is_enough` is set."""
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
    source: psycopg.Connection, dbt: Dbt, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving({}) as host, speech_server() as provider:
        monkeypatch.setenv("OPENAI_API_KEY", "a-key-of-the-tests")
        monkeypatch.setenv("OPENAI_BASE_URL", provider.base_url)
        monkeypatch.setenv("TRANSCRIBER_RUN_ALLOW_NETWORK", "127.0.0.1/32")
        provider.answer = lambda _number, _request: Answer(delay=0.2)

        def transcribe() -> subprocess.Popen[str]:
            return subprocess.Popen(
                [sys.executable, "-m", "transcriber", "run", "--concurrency", "2"],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )

        serve_recordings(source, host, range(1_000, 1_040))
        dbt.run("run")
        # More recordings arrive while the first are transcribed: in the source, by hand, or both.
        worker = transcribe()
        until(
            lambda: len(provider.requests) > 2,
            seconds=120,
            process=worker,
            report=lambda: killed(worker),
        )
        serve_recordings(source, host, range(1_040, 1_060))
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

        # The next build and the next run do everything that is left, and nothing twice.
        dbt.run("build", "--exclude-resource-type", "unit_test")
        finish(transcribe())
        files = one(source, "select count(*) from media_pipeline.audio_files")
        assert files == one(source, "select count(distinct url) from media_pipeline.audio_files")
        assert files >= 60 + by_hand.inserted - len(both)
        completed = "select count(*) from media_pipeline.transcriptions where status = 'completed'"
        assert one(source, completed) == files == len(provider.requests)
        assert misnumbered(source) == []


@pytest.fixture
def own_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    """Run a server of the test's own, because it disconnects everybody after a killed backend."""
    with running_server() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        migrate.apply()
        with psycopg.connect(autocommit=True) as connection:
            connection.execute(SOURCE_TABLES)
            yield connection


def connection_again() -> psycopg.Connection:
    """Connect as soon as the server has recovered."""

    def is_up() -> bool:
        try:
            psycopg.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    until(is_up, seconds=60, report=lambda: "no recovery")
    return psycopg.connect(autocommit=True)


def contents(connection: psycopg.Connection) -> list[tuple[object, ...]]:
    return connection.execute(
        "select source_row_id, index_in_phone from media_pipeline.audio_files order by id"
    ).fetchall()


@contextlib.contextmanager
def blocked_insert() -> Iterator[str]:
    """Block a refresh in the middle of its insert; yield a pattern of that statement."""
    url = "https://vault.example.test/vr/PR_150.mp3"
    with contextlib.suppress(psycopg.OperationalError), psycopg.connect() as blocker:
        insert = "insert into media_pipeline.audio_files (url, url_sha1) values (%s, %s)"
        blocker.execute(insert, [url, url_sha1(url)])
        yield "%insert into%audio_files%"
        blocker.rollback()


@contextlib.contextmanager
def blocked_numbering() -> Iterator[str]:
    """Block a refresh in the middle of its numbering, when it has inserted all its rows."""
    with contextlib.suppress(psycopg.OperationalError), psycopg.connect() as blocker:
        blocker.execute("select from media_pipeline.audio_files where id = 50 for update")
        yield "%update%index_in_phone%"


def kill_midway(dbt: Dbt, victim: str, blocked: Callable[[], Blocked]) -> None:
    """Kill dbt or its backend in the middle of a statement, and wait until both are gone."""
    with blocked() as doing:
        build = dbt.start("run")
        with connection_again() as connection:
            until(
                lambda: one(connection, f"select count(*) = 1 {WAITING}", doing),
                seconds=120,
                process=build,
                report=lambda: killed(build),
            )
            backend = one(connection, f"select pid {WAITING}", doing)
        if victim == "dbt":
            build.kill()
        else:
            os.kill(backend, signal.SIGKILL)
        build.communicate()
        assert build.returncode
    with connection_again() as connection:
        # A backend notices the end of its client only when it has an answer to send.
        until(
            lambda: one(connection, IS_GONE, backend),
            seconds=60,
            report=lambda: "the backend of the killed dbt goes on",
        )


def test_what_a_kill_leaves_half_done_is_undone(own_server: psycopg.Connection, dbt: Dbt) -> None:
    generate_recordings(own_server, range(1_000, 1_100), contacts=5)
    dbt.run("run")
    before = contents(own_server)
    # These calls began before the known ones, so that the numbers of the known ones change.
    generate_recordings(own_server, range(100, 200), contacts=5)

    kill_midway(dbt, "dbt", blocked_insert)
    with connection_again() as connection:
        assert contents(connection) == before
    kill_midway(dbt, "backend", blocked_numbering)
    with connection_again() as connection:
        assert contents(connection) == before

    dbt.run("run")
    with connection_again() as connection:
        assert len(contents(connection)) == 200
        assert misnumbered(connection) == []
