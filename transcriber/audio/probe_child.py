"""The process that looks into files, one after the other; `ProbeProcess` starts it.

Its standard input is a socket to the worker. Each request is a file descriptor with the limits as
JSON, each answer a line of JSON. The process ends when the worker closes the socket, or has ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import socket
import threading
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transcriber.audio.probe import probe
from transcriber.audio.probing import OUT_OF_MEMORY, ProbeLimits
from transcriber.core.verdicts import FileFailure, unexpected

if TYPE_CHECKING:
    from collections.abc import Iterator

MEASURE_EVERY_SECONDS = 0.01

# FFmpeg ignores that the kernel refuses memory for an MP4's table, and calls the file damaged. So
# a thread measures the memory and ends the process. The kernel's limit is for the case that the
# thread is too slow; it lies above the largest table (4.3 GB).
KERNEL_LIMIT_FACTOR = 5

STATM = Path("/proc/self/statm")  # Only Linux has it.


def main() -> None:
    """Answer until the worker closes the socket."""
    line = socket.socket(fileno=0)
    with contextlib.suppress(OSError):  # Only Linux has it: end this process before the worker.
        Path("/proc/self/oom_score_adj").write_text("1000")
    _set_limit(resource.RLIMIT_CORE, 0)  # A core file would hold a part of the recording.
    line.sendall(b"ready\n")
    while True:
        request, descriptors, _, _ = socket.recv_fds(line, 4096, 1)
        if not request:
            return
        limits = ProbeLimits(**json.loads(request))
        with open(descriptors[0], "rb") as file, _limited(line, limits):  # noqa: PTH123
            try:
                answer: dict[str, Any] = {"info": asdict(probe(file))}
            except FileFailure as failure:
                answer = {
                    "reason": str(failure),
                    "permanent": failure.permanent,
                    "suspect": failure.suspect,
                }
            except MemoryError:
                os._exit(OUT_OF_MEMORY)
            except Exception as error:  # noqa: BLE001 (it is the answer)
                answer = {"reason": unexpected(error), "permanent": False, "suspect": None}
        line.sendall(json.dumps(answer).encode() + b"\n")


@contextlib.contextmanager
def _limited(line: socket.socket, limits: ProbeLimits) -> Iterator[None]:
    """End this process if the block takes too much memory or CPU time, or the worker has ended."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _set_limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + 1 + limits.cpu_seconds)
    memory_bytes = int(limits.memory_gib * 1024**3)
    _set_limit(resource.RLIMIT_AS, memory_bytes * KERNEL_LIMIT_FACTOR)
    is_done = threading.Event()
    threading.Thread(target=_watch, args=(line, memory_bytes, is_done), daemon=True).start()
    try:
        yield
    finally:
        is_done.set()


def _set_limit(kind: int, wanted: int) -> None:
    _, hard = resource.getrlimit(kind)
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    with contextlib.suppress(ValueError, OSError):  # macOS has no limit of memory.
        resource.setrlimit(kind, (soft, hard))


def _watch(line: socket.socket, memory_bytes: int, is_done: threading.Event) -> None:
    """FFmpeg runs without the interpreter's lock, so this thread comes to its turn."""
    hang_up = select.poll()
    hang_up.register(line, 0)  # Nothing but the end of the other side.
    while not is_done.wait(MEASURE_EVERY_SECONDS):
        if hang_up.poll(0):
            os._exit(0)
        if _memory_bytes() > memory_bytes:
            os._exit(OUT_OF_MEMORY)


def _memory_bytes() -> int:
    """Return the size of this process; a large allocation counts before it is written to."""
    try:
        return int(STATM.read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


if __name__ == "__main__":
    main()
