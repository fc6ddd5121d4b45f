"""How a host of recordings may answer: with sound in several ways, or with misbehaviour."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.servers.web import Handler


# A download does not look into a file, so any bytes serve as its sound.
SOUND = bytes(range(256)) * 40


def chunked(handler: Handler) -> None:
    """Send the sound in two chunks."""
    handler.answer(200, {"Transfer-Encoding": "chunked"})
    for part in (SOUND[:5000], SOUND[5000:], b""):
        handler.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))


def until_closed(handler: Handler) -> None:
    """Send the sound as HTTP/1.0 does, where the end of the connection is the end of the body."""
    handler.answer(200, {"Connection": "close"})
    handler.wfile.write(SOUND)


def endless(handler: Handler) -> None:
    """Send a body that never ends."""
    handler.answer(200, {"Connection": "close"})
    while not handler.server.stopping.is_set():
        handler.wfile.write(SOUND)


def endless_headers(handler: Handler) -> None:
    """Send headers that never end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not handler.server.stopping.is_set():
        handler.wfile.write(b"X-Padding: " + b"x" * 1000 + b"\r\n")


def dripping(handler: Handler) -> None:
    """Send one byte at a time, so that no single read ever times out."""
    handler.answer(200, {"Content-Length": "100000"})
    while not handler.server.stopping.wait(0.02):
        handler.wfile.write(b"x")


def dripping_headers(handler: Handler) -> None:
    """Send the headers one byte at a time."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Padding: ")
    while not handler.server.stopping.wait(0.02):
        handler.wfile.write(b"x")


def silent(handler: Handler) -> None:
    """Take the request and never answer."""
    handler.server.stopping.wait(5)


def stalled(handler: Handler) -> None:
    """Send half of the sound and keep the connection open."""
    handler.answer(200, {"Content-Length": str(len(SOUND))})
    handler.wfile.write(SOUND[: len(SOUND) // 2])
    handler.server.stopping.wait(5)


def truncated(handler: Handler) -> None:
    """Send half of the announced bytes and hang up."""
    handler.answer(200, {"Content-Length": str(len(SOUND))})
    handler.wfile.write(SOUND[: len(SOUND) // 2])
    handler.close_connection = True


def truncated_chunks(handler: Handler) -> None:
    """Hang up before the last chunk."""
    handler.answer(200, {"Transfer-Encoding": "chunked"})
    handler.wfile.write(b"%x\r\n%b\r\n" % (len(SOUND), SOUND))
    handler.close_connection = True


def reset(handler: Handler) -> None:
    """Send half of the sound and reset the connection."""
    handler.answer(200, {"Content-Length": str(len(SOUND))})
    handler.wfile.write(SOUND[: len(SOUND) // 2])
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True


def hanging_up(handler: Handler) -> None:
    """Hang up without an answer."""
    handler.close_connection = True


def not_http(handler: Handler) -> None:
    """Answer in another protocol."""
    handler.wfile.write(b"220 mail.example ESMTP ready\r\n")
    handler.close_connection = True


def huge_claim(handler: Handler) -> None:
    """Announce more than a download may hold, and send nothing."""
    handler.answer(200, {"Content-Length": str(10**12)})


def contradictory_length(handler: Handler) -> None:
    """Announce two different lengths."""
    handler.send_response(200)
    handler.send_header("Content-Length", "10")
    handler.send_header("Content-Length", str(len(SOUND)))
    handler.end_headers()
    handler.wfile.write(SOUND)


def absurd_length(handler: Handler) -> None:
    """Announce a length with more digits than Python converts to a number."""
    handler.answer(200, {"Content-Length": "9" * 5000})


def short_claim(handler: Handler) -> None:
    """Send more bytes than the length announces; HTTP delivers the announced ones."""
    handler.answer(200, {"Content-Length": "1000"}, SOUND)
    handler.close_connection = True


def status(code: int, **headers: str) -> Callable[[Handler], None]:
    """Answer with a status and a small page."""
    return lambda handler: handler.answer(
        code, {name.replace("_", "-"): text for name, text in headers.items()}, b"<html></html>"
    )


def redirect(target: str, code: int = 302) -> Callable[[Handler], None]:
    """Send the client to another URL, in which HERE stands for this server's port."""

    def page(handler: Handler) -> None:
        location = target.replace("HERE", str(handler.server.port))
        handler.answer(code, {"Location": location}, b"")

    return page


def hop(handler: Handler) -> None:
    """Redirect /hop?5 to /hop?4 and so on to the sound, if the client sends the cookie back."""
    left = int(handler.path.partition("?")[2])
    if left < 5 and "visited=yes" not in handler.headers.get("Cookie", ""):
        handler.answer(403, {}, b"")
    elif left:
        headers = {"Location": f"hop?{left - 1}", "Set-Cookie": "visited=yes"}
        handler.answer(302, headers, b"")
    else:
        handler.answer(200, {}, SOUND)


def without_baggage(handler: Handler) -> None:
    """Answer with the sound only if the request carries no cookie, referrer or credentials."""
    odd = {"Cookie", "Authorization", "Referer"} & set(handler.headers)
    identity = handler.headers["Accept-Encoding"] == "identity"
    handler.answer(400 if odd or not identity else 200, {}, SOUND)
