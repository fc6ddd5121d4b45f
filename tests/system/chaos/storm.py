"""The storm starts a pipeline, breaks its parts again and again, and returns an account."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from tests.support.servers.postgres import RestartableServer, restartable_server
from tests.system.chaos import servers
from tests.system.chaos.accounts import Accounts, Kill, balance
from tests.system.chaos.fleet import Fleet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FILES = """
    insert into media_pipeline.audio_files (url, url_sha1, started)
    select %(base)s || n || '.mp3', lpad(to_hex(n), 40, '0'), now() - n * interval '1 minute'
    from generate_series(1, %(jobs)s) as n
"""
ENDED_FILES = """
    select
        (select count(*) from media_pipeline.transcriptions where status = 'completed')
        + (select count(*) from media_pipeline.transcription_failures where status = 'permanent')
"""
CLAIMS_OF = """
    select audio_file_id from media_pipeline.transcription_claims
    where split_part(claimed_by, ':', 2) = %s
"""
SOME_BACKENDS = """
    select pg_terminate_backend(pid) from pg_stat_activity
    where pid != pg_backend_pid() and backend_type = 'client backend' and random() < 0.3
"""
# People delete claims and failures with these statements of the handover guide.
DELETE_CLAIMS = "DELETE FROM media_pipeline.transcription_claims;"
DELETE_FAILURES = "DELETE FROM media_pipeline.transcription_failures WHERE status='transient';"


@dataclass(frozen=True)
class Options:
    """The size, length and strength of a storm; times are in seconds."""

    jobs: int = 5000
    workers: int = 8
    concurrency: int = 4
    claim_ttl: float = 3.0
    every: float = 2.0
    restarts: int = 3
    at_most: float = 1200.0
    seed: int = 1


@dataclass
class Storm:
    """A running pipeline, and a record of everything that was done to it."""

    options: Options
    server: RestartableServer
    fleet: Fleet
    dice: random.Random
    began: float = field(default_factory=time.time)
    kills: list[Kill] = field(default_factory=list)
    outages: list[tuple[float, float]] = field(default_factory=list)
    claims_deleted: list[float] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    ended_files: int = 0

    def blow(self) -> None:
        """Break things until every file is completed or has failed for good, or time is up."""
        every = self.options.every
        events: list[tuple[float, Callable[[], None]]] = [
            (every, self._strike),
            (2.3 * every, lambda: self._by_hand("backends terminated", SOME_BACKENDS)),
            (4.1 * every, lambda: self._by_hand("failures deleted by hand", DELETE_FAILURES)),
            (7.7 * every, self._delete_claims),
            (0.5, self._look),
        ]
        due = {number: self.began + period for number, (period, _) in enumerate(events)}
        # The last part of the files has no outage, so that the events by time also take place.
        outages = [
            self.options.jobs * (number + 1) / (self.options.restarts + 1)
            for number in range(self.options.restarts)
        ]
        while self.ended_files < self.options.jobs:
            if time.time() > self.began + self.options.at_most:
                break
            self.fleet.tend(self.options.workers)
            for number, (period, event) in enumerate(events):
                if time.time() >= due[number]:
                    event()
                    due[number] = time.time() + period * self.dice.uniform(0.7, 1.3)
            if outages and self.ended_files > outages[0]:
                outages.pop(0)
                self._restart_server()
            time.sleep(0.02)

    def _strike(self) -> None:
        """Kill a worker, or freeze it for longer than its claims live."""
        running = self.fleet.running()
        if not running:
            return
        worker = self.dice.choice(running)
        if self.dice.random() < 0.5:
            worker.kill()
            with self._connection() as connection:
                rows = connection.execute(CLAIMS_OF, [str(worker.process.pid)]).fetchall()
            assert worker.killed_at is not None
            self.kills.append(Kill(worker.killed_at, [file for (file,) in rows]))
        else:
            worker.freeze(self.options.claim_ttl * self.dice.uniform(1.2, 2))

    def _restart_server(self) -> None:
        """Stop the server for less or for more than the TTL, the second time by a crash."""
        down_at, number = time.time(), len(self.outages)
        self.server.stop(crash=number == 1)
        seconds = self.options.claim_ttl * (0.3, 0.1, 2.0)[number % 3]
        while time.time() < down_at + seconds:
            self.fleet.tend(self.options.workers)
            time.sleep(0.05)
        self.server.start()
        self.outages.append((down_at, time.time()))

    def _delete_claims(self) -> None:
        self.claims_deleted.append(time.time())
        self._by_hand("claims deleted by hand", DELETE_CLAIMS)

    def _by_hand(self, what: str, statement: str) -> None:
        with self._connection() as connection:
            self.counts[what] += connection.execute(statement.encode()).rowcount

    def _look(self) -> None:
        with self._connection() as connection:
            ((self.ended_files,),) = connection.execute(ENDED_FILES).fetchall()

    def _connection(self) -> psycopg.Connection:
        return psycopg.connect(self.server.server.conninfo(), autocommit=True)


def run(options: Options) -> Accounts:
    """Let a storm go over a pipeline of its own; return the account."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        # Only this setting is not PostgreSQL's default: the workers may open more connections.
        server = stack.enter_context(restartable_server({"max_connections": "200"}))
        calls = folder / "calls.jsonl"
        port = stack.enter_context(_servers(calls, options))
        environment = {
            **server.server.environment(),
            "OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1",
            "TRANSCRIBER_ALLOW_NETWORK": "127.0.0.1/32",
        }
        subprocess.run(
            [sys.executable, "-m", "transcriber", "migrate"],
            env={**os.environ, **environment}, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        with psycopg.connect(server.server.conninfo(), autocommit=True) as connection:
            connection.execute(Path(__file__).with_name("watch.sql").read_bytes())
            base = f"http://127.0.0.1:{port}/vr/"
            connection.execute(FILES, {"base": base, "jobs": options.jobs})
        fleet = Fleet(folder, _run_options(options), environment)
        stack.callback(fleet.destroy)
        storm = Storm(options, server, fleet, random.Random(options.seed))
        storm.blow()
        fleet.end()
        with psycopg.connect(server.server.conninfo(), autocommit=True) as connection:
            return balance(storm, calls, connection)


def _run_options(options: Options) -> list[str]:
    return [
        "--watch", "--log-format=json", "--max-attempts=10", "--cooldown=0.5", "--grace=5",
        f"--concurrency={options.concurrency}", f"--claim-ttl={options.claim_ttl}",
    ]  # fmt: skip


@contextlib.contextmanager
def _servers(calls: Path, options: Options) -> Iterator[int]:
    """Run the recordings' host and the provider in one process; yield its port."""
    command = [
        sys.executable, "-m", servers.__name__, str(calls), str(options.seed),
        str(2.5 * options.claim_ttl),
    ]  # fmt: skip
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGTERM)
