"""Download one recording into an unlinked temporary file, and trust nothing the host says."""

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

from transcriber.audio.codings import Body
from transcriber.audio.guard import GuardedTransport
from transcriber.core.errors import TranscriberError
from transcriber.core.http import retry_after_seconds
from transcriber.core.verdicts import FileFailure, Suspect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from transcriber.audio.limits import DownloadLimits
    from transcriber.audio.networks import Networks

# At INFO httpx2 logs whole URLs, and the URLs of recordings hold phone numbers and signatures.
logging.getLogger("httpx2").setLevel(logging.WARNING)

HEADERS = {"accept-encoding": "identity", "user-agent": "media-pipeline"}

# Ordered: the first matching class gives the reason.
NETWORK_ERRORS: dict[type[Exception], str] = {
    httpcore2.TimeoutException: "the host does not answer in time",
    httpcore2.ConnectError: "cannot connect to the host",
    httpcore2.NetworkError: "the connection broke",
    httpcore2.ProtocolError: "the host's answer is not valid HTTP",
}


# A host that answers with one of these, or with 500 and above, may deliver the file later.
TRANSIENT_STATUSES = frozenset({408, 409, 425, 429})
# With these a host asks who is there: it may refuse everybody.
STATUSES_OF_A_LOGIN = frozenset({401, 403})
# A recorder may answer with one of these while it still writes the file.
STATUSES_BEFORE_A_FILE = frozenset({202, 204, 404})


class CertificatesError(TranscriberError):
    """SSL_CERT_FILE names no file of certificates that can be read: correct or unset it."""


class TemporaryFileError(TranscriberError):
    """Cannot write a temporary file: free some disk space, or set TMPDIR to another folder."""


@dataclass(frozen=True)
class Download:
    """A whole recording, in an unlinked file whose position is 0; the caller closes it."""

    file: BinaryIO
    size_bytes: int
    sha256: str


def new_ssl_context() -> ssl.SSLContext:
    """Load the system's certificates, or those of SSL_CERT_FILE, for all clients to share."""
    try:
        return httpx2.create_ssl_context()
    except OSError as error:
        raise CertificatesError from error


def client(allowed: Networks, ssl_context: ssl.SSLContext) -> httpx2.AsyncClient:
    """Return a client for one download at a time; it reaches public and allowed hosts only."""
    transport = GuardedTransport(allowed, ssl_context)
    return httpx2.AsyncClient(transport=transport, headers=HEADERS, trust_env=False)


async def fetch(client: httpx2.AsyncClient, url: str, limits: DownloadLimits) -> Download:
    """Download a recording, or raise a `FileFailure` that names neither URL nor host."""
    client.cookies.clear()  # The client still has those of the previous recording.
    try:
        async with asyncio.timeout(limits.deadline_seconds):
            async with _answer(client, url, limits) as response:
                return await _save(response, limits)
    except TimeoutError as error:
        reason = f"not downloaded within {limits.deadline_seconds:g} seconds"
        raise FileFailure(reason, permanent=False, suspect=Suspect.SERVICE) from error
    except tuple(NETWORK_ERRORS) as error:
        reason = _network_reason(error)
        raise FileFailure(reason, permanent=False, suspect=Suspect.SERVICE) from error


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
    """Fail the file if its URL, or one that a host redirects to, is not a valid URL."""
    try:
        yield
    except (httpx2.InvalidURL, ValueError):  # Unicode and IDNA errors are ValueErrors.
        # "from None": the original error quotes the URL.
        raise FileFailure("the URL cannot be read", permanent=True) from None


def _check(url: httpx2.URL) -> None:
    if url.scheme not in {"http", "https"} or not url.host:
        raise FileFailure("the URL is not one of http:// or https://", permanent=True)
    if url.userinfo:
        raise FileFailure("the URL holds credentials, which are not sent", permanent=True)
    if url.port is not None and url.port not in range(1, 2**16):
        raise FileFailure("the URL's port does not exist", permanent=True)


async def _save(response: httpx2.Response, limits: DownloadLimits) -> Download:
    """Write the body to a temporary file; fail the file as soon as the body exceeds a limit."""
    if (code := response.status_code) != httpx2.codes.OK:
        permanent = code < 500 and code not in TRANSIENT_STATUSES
        says_nothing_of_the_file = not permanent or code in STATUSES_OF_A_LOGIN
        raise FileFailure(
            f"HTTP {code}", permanent=permanent, code=code,
            retry_after=retry_after_seconds(response.headers),
            suspect=Suspect.SERVICE if says_nothing_of_the_file else None,
            may_still_come=code in STATUSES_BEFORE_A_FILE,
        )  # fmt: skip
    body = Body(response.headers.get("content-encoding", ""))
    if (announced := response.headers.get("content-length", "")).isdecimal():
        limits.check_size(int(announced))
    digest, size, started = hashlib.sha256(), 0, time.monotonic()
    with ExitStack() as stack:
        with _storing():
            file = stack.enter_context(tempfile.TemporaryFile())
        try:
            # Without a size: given one, httpx2 collects that many bytes before it yields, and the
            # check of the rate would not see a slow body.
            async for chunk in response.aiter_raw():
                for part in body.parts(chunk):
                    size += len(part)
                    limits.check_size(size)
                    digest.update(part)
                    with _storing():
                        file.write(part)
                limits.check_rate(size, time.monotonic() - started)
        except (httpcore2.RemoteProtocolError, httpcore2.ReadError) as error:
            # httpcore2 raises this, too, if the body is shorter than its Content-Length.
            reason = f"truncated: {size} of {announced or 'unknown'} bytes came"
            raise FileFailure(reason, permanent=False, suspect=Suspect.SERVICE) from error
        if not body.is_whole:
            raise FileFailure("truncated: the gzip has no end", permanent=False)
        if not size:
            raise FileFailure("the body is empty", permanent=True, may_still_come=True)
        with _storing():
            file.seek(0)
        stack.pop_all()
    return Download(file, size, digest.hexdigest())


@contextmanager
def _storing() -> Iterator[None]:
    """End the run instead of failing the file if this machine cannot store the file."""
    try:
        yield
    except OSError as error:
        raise TemporaryFileError from error


def _network_reason(error: Exception) -> str:
    match error.__context__:  # httpcore2 keeps the TLS error only there.
        case ssl.SSLCertVerificationError(verify_message=message):
            # OpenSSL names the host after the comma.
            return f"the host's certificate is not valid: {message.partition(',')[0]}"
        case ssl.SSLError(reason=reason):
            return f"no TLS connection: {reason}"
    return next(text for kind, text in NETWORK_ERRORS.items() if isinstance(error, kind))
