"""Look into files in a process of its own, because other people make the files.

A file of 2 kB can make FFmpeg take gigabytes, or keep it busy for minutes. One process per worker
looks into one file after the other, within limits; a file that breaks them fails for good, and the
next file gets a new process.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from transcriber.audio.probing import OUT_OF_MEMORY, AudioInfo, ProbeLimits
from transcriber.core.errors import TranscriberError
from transcriber.core.verdicts import FileFailure, Suspect

if TYPE_CHECKING:
    from types import TracebackType

COMMAND = [sys.executable, "-P", "-m", "transcriber.audio.probe_child"]

# A terminal and systemd send these to all processes of a run. The worker decides when to end, and
# a file that it still looks into must not fail for that.
NOT_FOR_THE_CHILD = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}

SECONDS_TO_START = 60


class ProbeProcessError(TranscriberError):
    """Cannot start the process that looks into files: free some memory or processes."""


class ProbeProcess:
    """The process of one worker; it starts with the first file, and ends with this block."""

    def __init__(self, limits: ProbeLimits | None = None) -> None:
        """Take what looking into one file may cost."""
        self._limits = limits or ProbeLimits()
        self._turn = asyncio.Lock()
        self._child: _Child | None = None

    def __enter__(self) -> Self:
        """Start nothing yet."""
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """End the process, whatever it does."""
        self._end()

    async def probe(self, file: BinaryIO) -> AudioInfo:
        """Return what the sound in a file is like; leave the file's position at 0.

        Raises a `FileFailure`: permanent if there is no sound or if looking into the file breaks a
        limit, transient if the end is missing.
        """
        file.flush()  # The process reads from the disk.
        async with self._turn:
            try:
                answer = await self._ask(file)
            except BaseException:
                self._end()
                raise
        if "info" in answer:
            return AudioInfo(**answer["info"])
        suspect = Suspect(answer["suspect"]) if answer["suspect"] else None
        raise FileFailure(answer["reason"], permanent=answer["permanent"], suspect=suspect)

    async def _ask(self, file: BinaryIO) -> dict[str, Any]:
        child = self._child
        if child is None or not child.is_alive:
            self._end()
            child = await self._start()
        seconds = self._limits.seconds
        try:
            async with asyncio.timeout(seconds):
                line = await child.ask(self._limits, file)
        except TimeoutError:
            raise _too_much(f"{seconds:g} seconds") from None
        if not line:
            raise _failure(child.end(), self._limits)
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def _start(self) -> _Child:
        """Start the process, and wait until it has loaded FFmpeg."""
        try:
            self._child = child = _Child()
            async with asyncio.timeout(SECONDS_TO_START):
                if await child.read_line():
                    return child
        except (OSError, TimeoutError) as error:
            raise ProbeProcessError from error
        raise ProbeProcessError

    def _end(self) -> None:
        if self._child:
            self._child.end()
            self._child = None


class _Child:
    """A process that runs, and the socket to it."""

    def __init__(self) -> None:
        self._line, theirs = socket.socketpair()
        self._line.settimeout(0)  # asyncio waits instead.
        with theirs:
            # The process inherits what is blocked here, so there is no moment without it.
            earlier = signal.pthread_sigmask(signal.SIG_BLOCK, NOT_FOR_THE_CHILD)
            try:
                self._process = subprocess.Popen(
                    COMMAND, stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )  # fmt: skip
            except OSError:
                self._line.close()
                raise
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, earlier)

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    async def ask(self, limits: ProbeLimits, file: BinaryIO) -> bytes:
        """Hand a file over; return the answer, or nothing if the process ended."""
        socket.send_fds(self._line, [json.dumps(asdict(limits)).encode()], [file.fileno()])
        return await self.read_line()

    async def read_line(self) -> bytes:
        loop, line = asyncio.get_running_loop(), b""
        while not line.endswith(b"\n"):
            received = await loop.sock_recv(self._line, 4096)
            if not received:
                return b""
            line += received
        return line

    def end(self) -> int:
        """End the process, whatever it does; return its exit code, if it had ended before."""
        self._line.close()
        self._process.kill()
        return self._process.wait()


def _failure(exit_code: int, limits: ProbeLimits) -> FileFailure:
    """Say what a file did when the process ended with this exit code."""
    if exit_code == -signal.SIGKILL:
        # The kernel does this when the machine runs out of memory, which other programs may use.
        reason = "the process that looked into the file was killed"
        return FileFailure(reason, permanent=False)
    if exit_code == OUT_OF_MEMORY:
        return _too_much(f"{limits.memory_gib:g} GiB of memory")
    if exit_code == -signal.SIGXCPU:
        return _too_much(f"{limits.cpu_seconds} seconds of CPU time")
    reason = f"not audio: looking into the file ended the process ({exit_code})"
    return FileFailure(reason, permanent=True)


def _too_much(used: str) -> FileFailure:
    return FileFailure(
        f"not audio: it takes more than {used} to look into the file", permanent=True
    )
