"""A web server on loopback, for tests and the demo, with pages that may misbehave."""

from __future__ import annotations

import contextlib
import http.server
import socketserver
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping

    Page = tuple[int, str, bytes] | Callable[["Handler"], None]


class WebServer(socketserver.ThreadingTCPServer):
    """Serves a page for each path: (status, media type, body), or a function that answers."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(
        self,
        pages: Mapping[str, Page],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Listen on the port, or on any free one if it is 0."""
        super().__init__((host, port), Handler)
        self.pages: dict[str, Page] = dict(pages)
        self.tls = tls
        self.hits: list[str] = []
        self.stopping = threading.Event()

    @property
    def port(self) -> int:
        """The port on which the server listens."""
        return int(self.server_address[1])

    def url(self, path: str, host: str | None = None) -> str:
        """Return the URL of a page."""
        scheme = "https" if self.tls else "http"
        return f"{scheme}://{host or self.server_address[0]!s}:{self.port}{path}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Write nothing, because tests make clients hang up on purpose."""


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection of a `WebServer`."""

    server: WebServer
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        """Begin TLS if the server speaks it, in the connection's own thread."""
        if self.server.tls:
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def finish(self) -> None:
        """Close the TLS connection, which the server does not know of."""
        super().finish()
        if self.server.tls:
            self.request.close()

    def do_GET(self) -> None:
        """Answer with the page of the path, whose query string does not matter."""
        self.server.hits.append(self.path)
        missing = (404, "text/plain", b"There is no such page.\n")
        page = self.server.pages.get(self.path.partition("?")[0], missing)
        if callable(page):
            page(self)
        else:
            status, media_type, body = page
            self.answer(status, {"Content-Type": media_type}, body)

    do_POST = do_GET  # noqa: N815

    def answer(self, status: int, headers: Mapping[str, str], body: bytes | None = None) -> None:
        """Send a status, headers, and a body; announce its length unless the headers do."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if body is not None and "Content-Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Write nothing to the log."""


@contextlib.contextmanager
def serving(
    pages: Mapping[str, Page],
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: ssl.SSLContext | None = None,
) -> Iterator[WebServer]:
    """Serve pages from threads of this process until the block ends."""
    with WebServer(pages, host=host, port=port, tls=tls) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.stopping.set()
            server.shutdown()
            thread.join()
