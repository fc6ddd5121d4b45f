"""How near `transcriber run` comes to the rate that a provider allows, and what it costs.

The provider answers after 0.5 seconds, so 64 slots could transcribe 128 files a second. Downloads,
uploads, PostgreSQL and the worker share the cores of this machine, so run it on a quiet one. Rates
are measured from one second after the first transcript on.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psycopg

from tests.benchmarks.measures import cpu_seconds, has_ended, peak_mb
from tests.benchmarks.stand_in import running_stand_in
from tests.support import speech
from tests.support.database.catalogue import one
from tests.support.servers.postgres import running_server
from transcriber.db import migrate

if TYPE_CHECKING:
    from psycopg import Connection

SLOTS = 64
LATENCY = 0.5
CAP = 20  # Requests a second.
SETTLED_SECONDS = 10

FILES = """
    insert into media_pipeline.audio_files (url, url_sha1, started)
    select
        format('http://127.0.0.1:%%s/vr/%%s.mp3', %s::int, n),
        lpad(to_hex(n), 40, '0'),
        now() - n * interval '1 minute'
    from generate_series(1, %s) as n
"""
COMPLETED = """
    select count(*) from media_pipeline.transcriptions
    where status = 'completed' and completed_at between to_timestamp(%s) and to_timestamp(%s)
"""
FIRST = "select extract(epoch from min(completed_at))::float8 from media_pipeline.transcriptions"


@dataclass(frozen=True)
class Measured:
    """One run: files a second, CPU milliseconds a file, peak memory, and the provider's answers."""

    files: int
    rate: float
    cpu_ms: float
    peak_mb: float
    answers: list[tuple[float, int]]


def recording(size_bytes: int) -> bytes:
    """Return real speech as an mp3 of about that size; a large one repeats itself."""
    samples = np.tile(speech.samples("jfk"), 5)
    once = speech.mp3(samples)
    if size_bytes > len(once):
        return once * (size_bytes // len(once))
    return speech.mp3(samples[: size_bytes * 8 * speech.SAMPLE_RATE // speech.BIT_RATE])


def measure(
    connection: Connection, content: bytes, *limit: str, files: int, seconds: float
) -> Measured:
    """Transcribe files for that many seconds, or until all are transcribed."""
    connection.execute("truncate media_pipeline.audio_files restart identity cascade")
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        with running_stand_in(Path(file.name), LATENCY, *limit) as port:
            connection.execute(FILES, [port, files])
            process = _start(port)
            while (first := one(connection, FIRST)) is None and not has_ended(process.pid):
                time.sleep(0.05)
            time.sleep(max(0.0, first + 1 - time.time()))
            began, cpu = time.time(), cpu_seconds(process.pid)
            peak = 0.0
            while not has_ended(process.pid) and time.time() < began + seconds:
                peak = peak_mb(process.pid) or peak
                time.sleep(0.1)
            ended, cpu = time.time(), cpu_seconds(process.pid) - cpu
            process.terminate()
            process.wait()
            answers = json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/told"))
    done = one(connection, COMPLETED, began, ended)
    return Measured(
        files=one(connection, COMPLETED, 0, ended + 60),
        rate=done / (ended - began),
        cpu_ms=1000 * cpu / max(1, done),
        peak_mb=peak,
        answers=answers,
    )


def _start(port: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "transcriber", "run", "--concurrency", str(SLOTS)],
        env={
            **os.environ,
            "OPENAI_API_KEY": "unused",
            "OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1",
            "TRANSCRIBER_RUN_ALLOW_NETWORK": "127.0.0.1/32",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def speed(connection: Connection, seconds: float, rounds: int) -> None:
    """Print how near a run with recordings of 200 KB comes to the provider's rate."""
    ideal = SLOTS / LATENCY
    print(f"\n200 KB a file, {SLOTS} slots, {LATENCY} s latency: {ideal:.0f} files/s are possible")
    print(f"{'':<12}{'files/s':>10}{'share':>8}{'CPU ms a file':>15}{'peak MB':>9}")
    content, files = recording(200_000), int(ideal * (seconds + 10))
    for number in range(rounds):
        found = measure(connection, content, files=files, seconds=seconds)
        print(
            f"round {number + 1:<6}{found.rate:>10.1f}{found.rate / ideal:>8.1%}"
            f"{found.cpu_ms:>15.2f}{found.peak_mb:>9.0f}"
        )


def memory(connection: Connection, seconds: float) -> None:
    """Print the peak memory by the recordings' size."""
    print(f"\npeak memory of the worker, {SLOTS} slots")
    print(f"{'':<12}{'files':>10}{'peak MB':>9}")
    for name, size, files in (
        ("5 KB", 5_000, int(SLOTS / LATENCY * seconds)),
        ("200 KB", 200_000, int(SLOTS / LATENCY * seconds)),
        ("200 MB", 200_000_000, 6),
    ):
        found = measure(connection, recording(size), files=files, seconds=600)
        print(f"{name:<12}{found.files:>10}{found.peak_mb:>9.0f}")


def politeness(connection: Connection, seconds: float) -> None:
    """Print how often a run is refused by a provider that takes fewer requests than slots send."""
    print(
        f"\na provider that takes {CAP} requests a second and says 429 without Retry-After,"
        f" {SLOTS} slots; after {SETTLED_SECONDS} s"
    )
    print(f"{'':<36}{'429 of all':>11}{'of the cap':>11}{'429 before':>11}")
    for name, kind in (
        ("token bucket", "bucket"),
        ("fixed window", "window"),
        ("fixed window, x-ratelimit headers", "headers"),
    ):
        found = measure(
            connection, recording(5_000), kind, str(CAP),
            files=int(CAP * (seconds + SETTLED_SECONDS + 5)), seconds=seconds + SETTLED_SECONDS,
        )  # fmt: skip
        settled = found.answers[0][0] + SETTLED_SECONDS
        last = settled + seconds
        statuses = [status for moment, status in found.answers if settled < moment <= last]
        refused = statuses.count(429) / len(statuses)
        accepted = statuses.count(200) / seconds / CAP
        before = sum(status == 429 for moment, status in found.answers if moment <= settled)
        print(f"{name:<36}{refused:>11.1%}{accepted:>11.1%}{before:>11}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=["speed", "memory", "politeness"])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with running_server(settings={"fsync": "on", "synchronous_commit": "on"}) as server:
        os.environ |= server.environment()
        migrate.apply()
        with psycopg.connect(autocommit=True) as connection:
            if arguments.only in {None, "speed"}:
                speed(connection, arguments.seconds, arguments.rounds)
            if arguments.only in {None, "memory"}:
                memory(connection, arguments.seconds)
            if arguments.only in {None, "politeness"}:
                politeness(connection, arguments.seconds)


if __name__ == "__main__":
    main()
