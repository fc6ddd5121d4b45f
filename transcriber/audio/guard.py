"""Connections to allowed addresses only, checked where the connection is made.

A recording's URL is somebody else's text. The guard looks its host up once, refuses unless every
address is public or in a network that the operator named, and connects to a checked address. So
it covers redirects, odd spellings (http://2130706433/) and names whose second look-up differs,
and leaves the Host header, SNI and the certificate's check as they are.
"""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING

import httpcore2
import httpx2

from transcriber.audio.networks import is_allowed
from transcriber.core.verdicts import FileFailure

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Iterable

    from httpcore2 import SOCKET_OPTION

    from transcriber.audio.networks import Address, Networks

# a server may close an idle connection at any moment: do not wait for that
KEEP_ALIVE_SECONDS = 2


class GuardedBackend(httpcore2.AnyIOBackend):
    """Opens connections to allowed addresses, and to nothing else."""

    def __init__(self, allowed: Networks) -> None:
        """Take what the operator allows besides public addresses."""
        super().__init__()
        self._allowed = allowed

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 (the signature that is overridden)
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first of the host's addresses that answers, if all are allowed."""
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
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Refuse: a socket file has no address that could be checked."""
        del path, timeout, socket_options
        raise FileFailure("refused: a socket file is not a host", permanent=True)


async def _look_up(host: str, port: int) -> list[Address]:
    try:
        answers = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise FileFailure("the URL's host is not a valid name", permanent=True) from error
    except OSError as error:
        raise FileFailure("the host's name cannot be resolved", permanent=False) from error
    return [ip_address(answer[4][0]) for answer in answers]


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Httpx2's way to a pool of connections that the guard opens.

    Httpx2's own transport takes no backend. Its pool could be swapped through a private
    attribute, but should a release rename that, the guard would be gone and nothing would fail.
    """

    def __init__(self, allowed: Networks, ssl_context: ssl.SSLContext) -> None:
        """Open connections one at a time, over TLS as the context says."""
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=ssl_context,
            max_connections=1,
            keepalive_expiry=KEEP_ALIVE_SECONDS,
            network_backend=GuardedBackend(allowed),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request and return the response, its body not yet read."""
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
        """Close the connections."""
        await self._pool.aclose()


class _Body(httpx2.AsyncByteStream):
    def __init__(self, response: httpcore2.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._response.aiter_stream():
            yield chunk

    async def aclose(self) -> None:
        await self._response.aclose()
