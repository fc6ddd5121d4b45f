"""Download one recording into an unlinked temporary file, trusting nothing the host says."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import ssl
import tempfile
import time
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import httpcore2
import httpx2

from transcriber.audio.guard import GuardedTransport
from transcriber.core.errors import TranscriberError
from transcriber.core.http import retry_after_seconds
from transcriber.core.verdicts import FileFailure, is_transient_download

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from transcriber.audio.networks import Networks

# at INFO it writes whole URLs, and recordings' URLs hold phones and signatures
logging.getLogger("httpx2").setLevel(logging.WARNING)

HEADERS = {"accept-encoding": "identity", "user-agent": "media-pipeline"}

# the first that fits says why
NETWORK_ERRORS: dict[type[Exception], str] = {
    httpcore2.TimeoutException: "the host does not answer in time",
    httpcore2.ConnectError: "cannot connect to the host",
    httpcore2.NetworkError: "the connection broke",
    httpcore2.ProtocolError: "the host's answer is not valid HTTP",
}


class TemporaryFileError(TranscriberError):
    """Cannot write a temporary file: make room there, or set TMPDIR to another folder."""


@dataclass(frozen=True)
class DownloadLimits:
    """How much, how long and how slow a download may be. The rate counts after the grace."""

    max_bytes: int = 512 * 1024**2
    deadline_seconds: float = 600
    min_bytes_per_second: int = 8192
    grace_seconds: float = 15
    connect_seconds: float = 10
    read_seconds: float = 30
    max_redirects: int = 5

    def check_size(self, size: int) -> None:
        """Raise where a body is too large, or says it will be."""
        if size > self.max_bytes:
            raise FileFailure(f"larger than {self.max_bytes:,} bytes", permanent=True)

    def check_rate(self, size: int, seconds: float) -> None:
        """Raise where a body comes so slowly that waiting for it blocks others."""
        if seconds > self.grace_seconds and size < seconds * self.min_bytes_per_second:
            raise FileFailure(f"slower than {self.min_bytes_per_second:,} bytes/s", permanent=False)


@dataclass(frozen=True)
class Download:
    """A whole recording: a file without a name, at its start. Whoever takes it closes it."""

    file: BinaryIO
    size_bytes: int
    sha256: str


def new_ssl_context() -> ssl.SSLContext:
    """Return what clients share: the system's certificates, or those of SSL_CERT_FILE."""
    return httpx2.create_ssl_context()


def client(allowed: Networks, ssl_context: ssl.SSLContext) -> httpx2.AsyncClient:
    """Return a client for one download at a time; it reaches public and allowed hosts only."""
    transport = GuardedTransport(allowed, ssl_context)
    return httpx2.AsyncClient(transport=transport, headers=HEADERS, trust_env=False)


async def fetch(client: httpx2.AsyncClient, url: str, limits: DownloadLimits) -> Download:
    """Download a recording, or raise a `FileFailure` that names neither URL nor host."""
    client.cookies.clear()  # of the recording before
    try:
        async with asyncio.timeout(limits.deadline_seconds):
            async with _answer(client, url, limits) as response:
                return await _save(response, limits)
    except TimeoutError as error:
        reason = f"not downloaded within {limits.deadline_seconds:g} seconds"
        raise FileFailure(reason, permanent=False) from error
    except tuple(NETWORK_ERRORS) as error:
        raise FileFailure(_network_reason(error), permanent=False) from error


@asynccontextmanager
async def _answer(
    client: httpx2.AsyncClient, url: str, limits: DownloadLimits
) -> AsyncIterator[httpx2.Response]:
    """Follow redirects to the recording; the guard checks the address of every hop."""
    timeout = httpx2.Timeout(limits.read_seconds, connect=limits.connect_seconds)
    with _reading_urls():
        request = client.build_request("GET", url.strip(), timeout=timeout)
    for _ in range(limits.max_redirects + 1):
        with _reading_urls():
            _check(request.url)
            response = await client.send(request, stream=True, follow_redirects=False)
        try:
            if response.next_request is None:
                yield response
                return
            request = response.next_request
        finally:
            await response.aclose()
    raise FileFailure(f"more than {limits.max_redirects} redirects", permanent=True)


@contextmanager
def _reading_urls() -> Iterator[None]:
    """Fail the file where a URL, its own or one in an answer, is none."""
    try:
        yield
    except (httpx2.InvalidURL, ValueError):  # Unicode and IDNA errors are ValueErrors
        raise FileFailure("the URL cannot be read", permanent=True) from None  # they quote it


def _check(url: httpx2.URL) -> None:
    if url.scheme not in {"http", "https"} or not url.host:
        raise FileFailure("the URL is not one of http:// or https://", permanent=True)
    if url.userinfo:
        raise FileFailure("the URL holds credentials, which are not sent", permanent=True)
    if url.port is not None and url.port not in range(1, 2**16):
        raise FileFailure("the URL's port does not exist", permanent=True)


async def _save(response: httpx2.Response, limits: DownloadLimits) -> Download:
    """Write the body to a temporary file, while it keeps to the limits."""
    code = response.status_code
    if code != httpx2.codes.OK:
        permanent, wait = not is_transient_download(code), retry_after_seconds(response.headers)
        raise FileFailure(f"HTTP {code}", permanent=permanent, code=code, retry_after=wait)
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise FileFailure("the body is compressed, which was not asked for", permanent=True)
    announced = response.headers.get("content-length", "")
    if announced.isdecimal():
        limits.check_size(int(announced))
    digest, size, started = hashlib.sha256(), 0, time.monotonic()
    with ExitStack() as stack:
        with _storing():
            file = stack.enter_context(tempfile.TemporaryFile())
        try:
            # given a size, it would collect that much first, and a slow body would go unseen
            async for chunk in response.aiter_raw():
                size += len(chunk)
                limits.check_size(size)
                limits.check_rate(size, time.monotonic() - started)
                digest.update(chunk)
                with _storing():
                    file.write(chunk)
        except (httpcore2.RemoteProtocolError, httpcore2.ReadError) as error:
            # also where a body is shorter than its Content-Length: the protocol sees to that
            reason = f"truncated: {size} of {announced or 'unknown'} bytes came"
            raise FileFailure(reason, permanent=False) from error
        if not size:
            raise FileFailure("the body is empty", permanent=True)
        with _storing():
            file.seek(0)
        stack.pop_all()
    return Download(file, size, digest.hexdigest())


@contextmanager
def _storing() -> Iterator[None]:
    """End the run, not the recording, when this machine cannot store it."""
    try:
        yield
    except OSError as error:
        raise TemporaryFileError from error


def _network_reason(error: Exception) -> str:
    match error.__context__:  # the pool drops the cause
        case ssl.SSLCertVerificationError(verify_message=message):
            # what follows the comma names the host
            return f"the host's certificate is not valid: {message.partition(',')[0]}"
        case ssl.SSLError(reason=reason):
            return f"no TLS connection: {reason}"
    return next(text for kind, text in NETWORK_ERRORS.items() if isinstance(error, kind))
