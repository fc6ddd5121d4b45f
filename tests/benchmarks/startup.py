"""What `transcriber run` costs when nothing is to do, as after most refreshes.

Every file of the catalogue is transcribed already. PostgreSQL is a server of the benchmark's own
with default settings. Beside the command, in the same run, the benchmark measures an interpreter
that only connects.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys

import psycopg

from tests.support.servers.postgres import running_server
from transcriber.db import migrate

CATALOGUE = """
    insert into media_pipeline.audio_files (url, url_sha1, duration_seconds)
    select 'https://vault.example.test/vr/' || n, lpad(to_hex(n), 40, '0'), 120
    from generate_series(1, %s) as n
"""
TRANSCRIPTS = """
    insert into media_pipeline.transcriptions (audio_file_id, transcript_text)
    select id, 'hello' from media_pipeline.audio_files
"""
BARE = "import psycopg; psycopg.connect().close()"

# A small process stands between this one and the command, because a command's peak memory includes
# the memory that its parent had when it started the command.
RUN = """
import json, resource, subprocess, sys, time
began = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss]))
"""


def measure(command: list[str]) -> tuple[float, float, float]:
    """Run a command; return its wall seconds, CPU seconds and peak memory in MB."""
    told = subprocess.run(
        [sys.executable, "-S", "-c", RUN, *command], check=True, stdout=subprocess.PIPE
    ).stdout
    seconds, cpu, memory = json.loads(told)
    # ru_maxrss is in bytes on macOS, and in kB elsewhere.
    return seconds, cpu, memory / (1024**2 if sys.platform == "darwin" else 1024)


def main() -> None:
    """Print a table of medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    with running_server(settings={"fsync": "on", "synchronous_commit": "on"}) as server:
        os.environ |= server.environment()
        os.environ["OPENAI_API_KEY"] = "unused"
        migrate.apply()
        with psycopg.connect(autocommit=True) as connection:
            connection.execute(CATALOGUE, [arguments.files])
            connection.execute(TRANSCRIPTS)
            connection.execute("vacuum analyze")
        commands = {
            "python, psycopg, connect": [sys.executable, "-c", BARE],
            "transcriber run": [sys.executable, "-m", "transcriber", "run"],
        }
        rounds = [
            {name: measure(command) for name, command in commands.items()}
            for _ in range(arguments.rounds)
        ]
    print(f"nothing to do, {arguments.files:,} files done; medians of {arguments.rounds}")
    print(f"{'':<28}{'seconds':>10}{'CPU s':>10}{'peak MB':>10}")
    for name in commands:
        columns = zip(*(each[name] for each in rounds), strict=True)
        seconds, cpu, memory = map(statistics.median, columns)
        print(f"{name:<28}{seconds:>10.2f}{cpu:>10.2f}{memory:>10.0f}")


if __name__ == "__main__":
    main()
