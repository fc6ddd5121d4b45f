"""A host of recordings and a provider in one light process, which leaves the worker its CPU.

    python -m tests.benchmarks.stand_in FILE LATENCY [bucket|window|headers] [CAP]

The process prints its port. It answers every GET with the file, and GET /told with the provider's
answers so far. It reads the upload of a POST and answers after LATENCY seconds. With a CAP it
answers 429 without Retry-After, and at once, when more than CAP requests a second arrive: `bucket`
counts them with a token bucket of one second, `window` in fixed windows of one second, and
`headers` like `window`, but each answer also says how many requests are left.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST_IN_MEMORY = 1024**2
TRANSCRIPT = b'{"text": "and so my fellow americans"}'
REFUSAL = b'{"error": {"message": "slow down", "code": "rate_limit_exceeded"}}'


class Cap:
    """A limit of requests a second; without a kind every request is accepted."""

    def __init__(self, kind: str | None, per_second: float) -> None:
        """Begin with one second's requests."""
        self._kind = kind
        self._per_second = per_second
        self._left = per_second
        self._at = time.monotonic()

    def takes(self) -> bool:
        """Tell whether the provider accepts one more request."""
        if self._kind is None:
            return True
        now = time.monotonic()
        if self._kind == "bucket":
            self._left += (now - self._at) * self._per_second
            self._left = min(self._left, self._per_second)
            self._at = now
        elif now >= self._at + 1:
            self._left, self._at = self._per_second, now - (now - self._at) % 1
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def headers(self) -> str:
        """Return headers with the requests that are left, if the provider sends them."""
        if self._kind != "headers":
            return ""
        seconds = max(0.0, self._at + 1 - time.monotonic())
        return (
            f"x-ratelimit-remaining-requests: {self._left:.0f}\r\n"
            f"x-ratelimit-reset-requests: {seconds * 1000:.0f}ms\r\n"
        )


class Server:
    """The file, the latency and the answers that all connections share."""

    def __init__(self, file: Path, latency: float, cap: Cap) -> None:
        """Keep a small file in memory; the kernel sends a large one from the disk."""
        self.file = file
        self.size = file.stat().st_size
        self.content = file.read_bytes() if self.size <= LARGEST_IN_MEMORY else None
        self.latency = latency
        self.cap = cap
        self.answers: list[tuple[float, int]] = []


class Connection(asyncio.Protocol):
    """One client's connection, on which requests come one after the other."""

    transport: asyncio.Transport

    def __init__(self, server: Server) -> None:
        """Wait for a request's head."""
        self._server = server
        self._head = b""
        self._missing = 0  # Bytes of the upload that are still to come.
        self._is_accepted = True
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, to which answers are written."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Count an upload's bytes, or collect a head."""
        if self._missing:
            self._missing -= len(data)
        else:
            self._head += data
            head, end, body = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            self._head = b""
            method, path, _ = head.decode().split(" ", 2)
            if method == "GET":
                self._serve(path)
                return
            lines = (line.partition(b":") for line in head.lower().split(b"\r\n"))
            (length,) = (int(value) for name, _, value in lines if name == b"content-length")
            self._missing = length - len(body)
            self._is_accepted = self._server.cap.takes()
        if not self._missing:
            delay = self._server.latency if self._is_accepted else 0
            asyncio.get_running_loop().call_later(delay, self._answer)

    def _answer(self) -> None:
        status, content = (200, TRANSCRIPT) if self._is_accepted else (429, REFUSAL)
        self._server.answers.append((time.time(), status))
        self._send(status, "application/json", content, self._server.cap.headers())

    def _serve(self, path: str) -> None:
        if path == "/told":
            self._send(200, "application/json", json.dumps(self._server.answers).encode())
        elif self._server.content is not None:
            self._send(200, "audio/mpeg", self._server.content)
        else:
            task = asyncio.create_task(self._serve_large())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve_large(self) -> None:
        self._send_head(200, "audio/mpeg", self._server.size)
        with self._server.file.open("rb") as file:
            await asyncio.get_running_loop().sendfile(self.transport, file)

    def _send(self, status: int, media_type: str, content: bytes, headers: str = "") -> None:
        self._send_head(status, media_type, len(content), headers)
        self.transport.write(content)

    def _send_head(self, status: int, media_type: str, size: int, headers: str = "") -> None:
        self.transport.write(
            f"HTTP/1.1 {status} OK\r\ncontent-type: {media_type}\r\n"
            f"content-length: {size}\r\n{headers}\r\n".encode()
        )


async def main(file: str, latency: str, kind: str | None = None, cap: str = "0") -> None:
    """Serve until killed."""
    server = Server(Path(file), float(latency), Cap(kind, float(cap)))
    listener = await asyncio.get_running_loop().create_server(
        lambda: Connection(server), "127.0.0.1", 0
    )
    print(listener.sockets[0].getsockname()[1], flush=True)
    await listener.serve_forever()


@contextlib.contextmanager
def running_stand_in(file: Path, latency: float, *limit: str) -> Iterator[int]:
    """Run this module as a process of its own; yield its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.stand_in", file, str(latency), *limit],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
