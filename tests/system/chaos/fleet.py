"""Worker processes that can be killed, frozen and thawed, and that end with their owner."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

STOP_SECONDS = 40


@dataclass
class Worker:
    """The process of a worker; `key` is the API key by which the provider knows it."""

    key: str
    process: subprocess.Popen[bytes]
    log: Path
    killed_at: float | None = None
    freezes: list[tuple[float, float]] = field(default_factory=list)  # Each from when until when.
    thaw_at: float | None = None

    @property
    def is_running(self) -> bool:
        """Tell whether the process is neither frozen nor ended."""
        return self.thaw_at is None and self.process.poll() is None

    def kill(self) -> None:
        """End the process where it stands."""
        self.killed_at = time.time()
        self.process.kill()
        self.process.wait()

    def freeze(self, seconds: float) -> None:
        """Stop the process for a time, as on a laptop that sleeps or a machine that swaps."""
        self.thaw_at = time.time() + seconds
        self.process.send_signal(signal.SIGSTOP)
        self.freezes.append((time.time(), self.thaw_at))

    def thaw(self) -> None:
        """Let the process go on."""
        frozen_at, _ = self.freezes.pop()
        self.freezes.append((frozen_at, time.time()))
        self.thaw_at = None
        self.process.send_signal(signal.SIGCONT)


@dataclass
class Fleet:
    """As many workers as there are places; a worker that ends is replaced."""

    folder: Path
    options: Sequence[str]
    environment: Mapping[str, str]
    workers: list[Worker] = field(default_factory=list)  # Also those that have ended.
    places: list[Worker] = field(default_factory=list)

    def start(self) -> Worker:
        """Start a worker."""
        key = f"worker-{len(self.workers)}"
        log = self.folder / f"{key}.log"
        # On Linux the worker ends with this process even if this process is killed.
        prefix = ["setpriv", "--pdeathsig=KILL", "--"] if sys.platform == "linux" else []
        command = [*prefix, sys.executable, "-m", "transcriber", "run", *self.options]
        with log.open("wb") as out:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env={**os.environ, **self.environment, "OPENAI_API_KEY": key},
            )  # fmt: skip
        worker = Worker(key, process, log)
        self.workers.append(worker)
        return worker

    def tend(self, places: int) -> None:
        """Thaw the workers whose time has come, and replace those that have ended."""
        for worker in self.places:
            if worker.thaw_at is not None and time.time() >= worker.thaw_at:
                worker.thaw()
        self.places = [worker for worker in self.places if worker.process.poll() is None]
        while len(self.places) < places:
            self.places.append(self.start())

    def running(self) -> list[Worker]:
        """Return the workers that can be killed or frozen."""
        return [worker for worker in self.places if worker.is_running]

    def end(self) -> None:
        """Ask all workers to stop, and wait until they have."""
        for worker in self.places:
            if worker.thaw_at is not None:
                worker.thaw()
            worker.process.terminate()
        for worker in self.places:
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.process.wait(STOP_SECONDS)

    def destroy(self) -> None:
        """Leave no process behind."""
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.process.kill()
                worker.process.wait()

    def odd_ends(self) -> Iterator[tuple[str, int | None, str]]:
        """Yield (key, exit code, last line) of workers that ended by themselves or in an error."""
        for worker in self.workers:
            code = worker.process.poll()
            log = worker.log.read_text()
            if "Traceback" in log or (
                worker.killed_at is None and code not in {128 + signal.SIGTERM, -signal.SIGTERM}
            ):
                yield worker.key, code, (log.strip().splitlines() or [""])[-1]
