"""Connect to allowed addresses only, and check them where the connection is made.

Other people write the URLs of recordings. The guard looks up a URL's host once, refuses the host
unless each of its addresses is public or in a network that the operator named, and connects to one
of the checked addresses. So it also covers redirects, odd spellings (http://2130706433/) and names
that a second look-up would resolve differently. The Host header, SNI and the check of the
certificate work as without the guard.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import httpcore2
import httpx2

from transcriber.audio.networks import is_allowed
from transcriber.core.verdicts import FileFailure, Suspect

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Iterable, Sequence

    from httpcore2 import SOCKET_OPTION

    from transcriber.audio.networks import Address, Networks

    AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]

# Close an idle connection soon, because the server may close it just when it is used again.
KEEP_ALIVE_SECONDS = 2


class GuardedBackend(httpcore2.AnyIOBackend):
    """Opens connections to public addresses and to the networks that the operator named."""

    def __init__(self, allowed: Networks) -> None:
        """Remember the networks that the operator allows besides public addresses."""
        super().__init__()
        self._allowed = allowed

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 (httpcore2 passes it by this name)
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first of the host's addresses that answers, if each one is allowed."""
        try:
            addresses = await asyncio.wait_for(_look_up(host, port), timeout)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout from error
        for address in addresses:
            if not is_allowed(address, self._allowed):
                raise FileFailure(
                    f"refused: the host's address {address} is not public; "
                    "name its network with --allow-network",
                    permanent=True,
                    suspect=Suspect.OPTION,
                )
        last_error: Exception = httpcore2.ConnectError("the host has no address")
        for address in addresses:
            try:
                return await super().connect_tcp(
                    str(address), port, timeout, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                last_error = error
        raise last_error

    async def connect_unix_socket(
        self, *_arguments: object, **_options: object
    ) -> httpcore2.AsyncNetworkStream:
        """Refuse socket files, because they have no address to check."""
        raise FileFailure("refused: a socket file is not a host", permanent=True)


async def _look_up(host: str, port: int) -> list[Address]:
    try:
        answers = await _resolve(host, port)
    except UnicodeError as error:
        raise FileFailure("the URL's host is not a valid name", permanent=True) from error
    except OSError as error:
        reason = "the host's name cannot be resolved"
        raise FileFailure(reason, permanent=False, suspect=Suspect.SERVICE) from error
    return [ip_address(answer[4][0]) for answer in answers]


async def _resolve(host: str, port: int) -> Sequence[AddressInfo]:
    """Ask the system for a host's addresses in a thread of its own.

    Nothing else ends such a call, which may take half a minute. A few of them would fill asyncio's
    pool of threads, so that other hosts had to wait, and the end of the worker, too.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[Sequence[AddressInfo]] = loop.create_future()

    def settle(answers: Sequence[AddressInfo], error: Exception | None) -> None:
        if found.done():  # Nobody waits any more.
            return
        if error:
            found.set_exception(error)
        else:
            found.set_result(answers)

    def look_up() -> None:
        answers: Sequence[AddressInfo] = ()
        error = None
        try:
            answers = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM, 0, 0)
        except (OSError, UnicodeError) as caught:
            error = caught
        with contextlib.suppress(RuntimeError):  # The worker has ended.
            loop.call_soon_threadsafe(settle, answers, error)

    threading.Thread(target=look_up, name="resolver", daemon=True).start()
    return await found


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Gives httpx2 a pool whose connections the guard opens.

    httpx2's own transport takes no backend. Rejected: replacing the pool in its private attribute,
    because after a release that renames the attribute, downloads would go on without the guard.
    """

    def __init__(self, allowed: Networks, ssl_context: ssl.SSLContext) -> None:
        """Open at most one connection at a time, with this context for TLS."""
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=ssl_context,
            max_connections=1,
            keepalive_expiry=KEEP_ALIVE_SECONDS,
            network_backend=GuardedBackend(allowed),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request and return the response before its body is read."""
        response = await self._pool.handle_async_request(
            httpcore2.Request(
                method=request.method,
                url=httpcore2.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx2.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Close the pool's connections."""
        await self._pool.aclose()


class _Body(httpx2.AsyncByteStream):
    def __init__(self, response: httpcore2.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._response.aiter_stream():
            yield chunk

    async def aclose(self) -> None:
        await self._response.aclose()
