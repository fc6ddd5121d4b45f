"""A connection pooler on loopback that behaves as PgBouncer 1.18 does in transaction mode.

A client gets a connection to PostgreSQL for one transaction at a time, another one for each. What
a client leaves in its session (a prepared statement, a setting, an advisory lock) stays with the
connection, and the next client meets it. It asks for no password, and knows neither COPY nor
cancellation.
"""

from __future__ import annotations

import contextlib
import queue
import secrets
import socket
import socketserver
import struct
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

REFUSED_REQUESTS = {80877103, 80877104}  # TLS and GSSAPI encryption
READY, PARAMETER, ERROR = b"Z", b"S", b"E"
IDLE = b"I"


@dataclass
class Line:
    """One side's connection, message by message (PostgreSQL's protocol 3)."""

    connection: socket.socket

    def read(self, size: int) -> bytes:
        """Read exactly so many bytes; raise `EOFError` where the other side has gone."""
        found = bytearray()
        while len(found) < size:
            if not (chunk := self.connection.recv(size - len(found))):
                raise EOFError
            found += chunk
        return bytes(found)

    def receive(self) -> tuple[bytes, bytes]:
        """Return a message's type and body."""
        kind, size = struct.unpack("!ci", self.read(5))
        return kind, self.read(size - 4)

    def send(self, kind: bytes, body: bytes) -> None:
        """Send a message."""
        self.connection.sendall(kind + struct.pack("!i", len(body) + 4) + body)

    def until_ready(self, client: Line | None = None) -> tuple[list[bytes], bytes]:
        """Pass messages on until the server is ready; return its parameters, and its state."""
        parameters = []
        while True:
            kind, body = self.receive()
            if kind == PARAMETER:
                parameters.append(body)
            if client:
                client.send(kind, body)
            elif kind == ERROR:
                raise ConnectionError(body)
            if kind == READY:
                return parameters, body


class Pooler(socketserver.ThreadingTCPServer):
    """The pooler; `port` is where clients connect, `lines` is how many connections they share."""

    daemon_threads = True

    def __init__(self, host: str, port: int, *, user: str, database: str, lines: int) -> None:
        """Open the connections to PostgreSQL."""
        super().__init__(("127.0.0.1", 0), Client)
        self.port = self.server_address[1]
        self.free: queue.Queue[Line] = queue.Queue()
        names = [b"user", user.encode(), b"database", database.encode()]
        body = struct.pack("!i", 196608) + b"".join(name + b"\0" for name in names) + b"\0"
        for _ in range(lines):
            line = Line(socket.create_connection((host, port)))
            line.connection.sendall(struct.pack("!i", len(body) + 4) + body)
            self.parameters, _ = line.until_ready()
            self.free.put(line)

    def server_close(self) -> None:
        """Close both sides."""
        super().server_close()
        while not self.free.empty():
            self.free.get().connection.close()


class Client(socketserver.BaseRequestHandler):
    """One client's connection."""

    server: Pooler

    def handle(self) -> None:
        """Serve the client until it goes."""
        client = Line(self.request)
        with contextlib.suppress(EOFError, OSError):
            self._welcome(client)
            while self._serve_transaction(client):
                pass

    def _welcome(self, client: Line) -> None:
        while True:
            size, code = struct.unpack("!ii", client.read(8))
            client.read(size - 8)
            if code not in REFUSED_REQUESTS:
                break
            client.connection.sendall(b"N")
        client.send(b"R", struct.pack("!i", 0))
        for parameter in self.server.parameters:
            client.send(PARAMETER, parameter)
        client.send(b"K", struct.pack("!i", 1_000_000 + secrets.randbelow(10**6)) + bytes(4))
        client.send(READY, IDLE)

    def _serve_transaction(self, client: Line) -> bool:
        """Pass messages to and fro until a transaction ends; tell whether the client is there."""
        kind, body = client.receive()
        if kind == b"X":
            return False
        line = self.server.free.get()
        try:
            while True:
                line.send(kind, body)
                if kind in {b"Q", b"S"}:  # A query, or the end of a group of messages.
                    _, state = line.until_ready(client)
                    if state == IDLE:
                        return True
                kind, body = client.receive()
        finally:
            self.server.free.put(line)


@contextlib.contextmanager
def running_pooler(
    host: str, port: int, *, user: str, database: str, lines: int = 2
) -> Iterator[Pooler]:
    """Pool connections to a database until the block ends."""
    with Pooler(host, port, user=user, database=database, lines=lines) as pooler:
        thread = threading.Thread(target=pooler.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield pooler
        finally:
            pooler.shutdown()
            thread.join()
