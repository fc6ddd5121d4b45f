"""Files are looked into by a process with limits, which ends with its worker."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pytest

from tests.support import crafted, speech
from tests.support.wait import until
from transcriber.audio import probe_process
from transcriber.audio.probe import probe
from transcriber.audio.probe_process import ProbeProcess, ProbeProcessError
from transcriber.audio.probing import ProbeLimits
from transcriber.core.verdicts import FileFailure

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

MP3 = speech.mp3(speech.samples("librivox_0880"))
PAGE = b"<!DOCTYPE html><html><body>Please log in</body></html>"
LONG_LOOK = crafted.amr(20_000_000)
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")


@contextmanager
def stored(content: bytes) -> Iterator[BinaryIO]:
    """Keep content in a file like a download's; some of it may still be in Python's buffer."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        yield file


async def failure_of(process: ProbeProcess, content: bytes) -> FileFailure:
    """Return the failure of content."""
    with stored(content) as file, pytest.raises(FileFailure) as caught:
        await process.probe(file)
    return caught.value


async def assert_works(process: ProbeProcess) -> None:
    """Look into a recording."""
    with stored(MP3) as file:
        info = await process.probe(file)
        assert file.tell() == 0
        assert file.read() == MP3
        assert info == probe(file)


def children() -> list[int]:
    """Return the ids of this process's children that look into files."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command, parent = (folder / "cmdline").read_bytes(), (folder / "stat").read_text()
        except OSError:
            continue
        if b"probe_child" in command and int(parent.rpartition(")")[2].split()[1]) == os.getpid():
            found.append(int(folder.name))
    return found


def run(
    scenario: Callable[[ProbeProcess], Awaitable[None]], limits: ProbeLimits | None = None
) -> None:
    """Run a scenario with a process that looks into files; none may stay behind."""

    async def inside() -> None:
        with ProbeProcess(limits) as process:
            await scenario(process)

    asyncio.run(inside())
    assert children() == []


@on_linux
def test_one_process_looks_into_one_file_after_the_other() -> None:
    async def scenario(process: ProbeProcess) -> None:
        assert children() == []  # It starts with the first file.
        await asyncio.gather(*(assert_works(process) for _ in range(5)))
        (child,) = children()
        failure = await failure_of(process, PAGE)
        assert (str(failure), failure.permanent) == (
            "not audio: a web page, perhaps of a login",
            True,
        )
        cut = await failure_of(process, crafted.mp4(1_000_000))
        assert (str(cut), cut.permanent) == ("truncated: 0.2 of 125.0 seconds are there", False)
        assert children() == [child]

    run(scenario)


@on_linux
@pytest.mark.parametrize("tracks", [1, 4])
def test_a_small_file_that_needs_gigabytes_fails_for_good(tracks: int) -> None:
    content = crafted.mp4(80_000_000, tracks=tracks)
    assert len(content) < 3048

    async def scenario(process: ProbeProcess) -> None:
        failure = await failure_of(process, content)
        assert str(failure) == "not audio: it takes more than 1 GiB of memory to look into the file"
        assert failure.permanent
        await assert_works(process)

    run(scenario)


def test_a_file_of_millions_of_frames_fails_for_good() -> None:
    async def scenario(process: ProbeProcess) -> None:
        await assert_works(process)
        failure = await failure_of(process, LONG_LOOK)
        reason = "not audio: it takes more than 1 seconds of CPU time to look into the file"
        assert (str(failure), failure.permanent) == (reason, True)
        await assert_works(process)

    run(scenario, ProbeLimits(cpu_seconds=1))


def test_a_file_that_takes_too_long_fails_for_good() -> None:
    async def scenario(process: ProbeProcess) -> None:
        failure = await failure_of(process, LONG_LOOK)
        reason = "not audio: it takes more than 0.5 seconds to look into the file"
        assert (str(failure), failure.permanent) == (reason, True)

    run(scenario, ProbeLimits(seconds=0.5))


@on_linux
@pytest.mark.parametrize(
    ("number", "reason", "is_permanent"),
    [
        (signal.SIGSEGV, "not audio: looking into the file ended the process (-11)", True),
        (signal.SIGKILL, "the process that looked into the file was killed", False),
    ],
)
def test_a_process_that_dies_over_a_file(
    number: int,
    reason: str,
    is_permanent: bool,  # noqa: FBT001 (pytest passes names)
) -> None:
    async def scenario(process: ProbeProcess) -> None:
        await assert_works(process)
        looking = asyncio.create_task(failure_of(process, LONG_LOOK))
        await asyncio.sleep(0.2)
        os.kill(children()[0], number)
        failure = await looking
        assert (str(failure), failure.permanent) == (reason, is_permanent)
        await assert_works(process)

    run(scenario)


@on_linux
def test_a_process_that_dies_between_files_is_replaced() -> None:
    async def scenario(process: ProbeProcess) -> None:
        await assert_works(process)
        (child,) = children()
        os.kill(child, signal.SIGKILL)
        await asyncio.sleep(0.1)
        await assert_works(process)

    run(scenario)


@on_linux
def test_the_signals_that_stop_a_run_do_not_reach_the_process() -> None:
    async def scenario(process: ProbeProcess) -> None:
        await assert_works(process)
        (child,) = children()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(child, number)
        await assert_works(process)
        assert children() == [child]

    run(scenario)


@on_linux
def test_a_file_that_is_let_go_does_not_hold_up_the_next() -> None:
    async def scenario(process: ProbeProcess) -> None:
        looking = asyncio.create_task(failure_of(process, LONG_LOOK))
        await asyncio.sleep(0.5)
        looking.cancel()
        started = time.monotonic()
        await assert_works(process)
        assert time.monotonic() - started < 5
        with pytest.raises(asyncio.CancelledError):
            await looking

    run(scenario)


# A worker in the middle of a file says the id of its child.
WORKER = """
import asyncio
from tests.unit.test_probe_process import LONG_LOOK, ProbeProcess, children, failure_of

async def work():
    with ProbeProcess() as process:
        looking = asyncio.create_task(failure_of(process, LONG_LOOK))
        await asyncio.sleep(0.5)
        print(*children(), flush=True)
        await looking

asyncio.run(work())
"""


@on_linux
def test_the_process_ends_with_a_killed_worker_even_within_a_file() -> None:
    worker = subprocess.Popen([sys.executable, "-c", WORKER], stdout=subprocess.PIPE, text=True)
    with worker:
        assert worker.stdout is not None
        child = Path("/proc", worker.stdout.readline().strip())
        assert child.exists()
        worker.kill()
        until(
            lambda: not child.exists() or "State:\tZ" in (child / "status").read_text(), seconds=5
        )


def test_a_process_that_cannot_start_is_not_the_fault_of_a_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scenario(process: ProbeProcess) -> None:
        with stored(MP3) as file, pytest.raises(ProbeProcessError):
            await process.probe(file)

    for command in ([sys.executable, "-c", ""], ["/no/such/program"]):
        monkeypatch.setattr(probe_process, "COMMAND", command)
        run(scenario)
