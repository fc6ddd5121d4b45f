"""Downloads over real HTTP on loopback: 127.0.0.1 is allowed by name, 127.0.0.2 is forbidden."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import tracemalloc
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.servers.web import Handler, WebServer, serving
from transcriber.audio import download
from transcriber.audio.download import Download, DownloadLimits, TemporaryFileError
from transcriber.audio.networks import parse_networks
from transcriber.core.verdicts import FileFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SOUND = bytes(range(256)) * 40
LIMITS = DownloadLimits(max_bytes=100_000, connect_seconds=2, read_seconds=2, deadline_seconds=10)
HURRIED = replace(LIMITS, read_seconds=0.2)
SECRET = "4915112345678"  # noqa: S105 (stands in every URL, and must not stand in any reason)


shared_ssl_context = cache(download.new_ssl_context)


# -- server behaviours


def chunked(handler: Handler) -> None:
    """Send the sound in two chunks."""
    handler.answer(200, {"Transfer-Encoding": "chunked"})
    for part in (SOUND[:5000], SOUND[5000:], b""):
        handler.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))


def until_closed(handler: Handler) -> None:
    """Send the sound as HTTP/1.0 does: its end is the connection's."""
    handler.answer(200, {"Connection": "close"})
    handler.wfile.write(SOUND)


def compressed(handler: Handler) -> None:
    """Send a gzip bomb, although it was not asked for."""
    bomb = gzip.compress(bytes(20_000_000))
    handler.answer(200, {"Content-Encoding": "gzip"}, bomb)


def endless(handler: Handler) -> None:
    """Send for ever."""
    handler.answer(200, {"Connection": "close"})
    while not handler.server.stopping.is_set():
        handler.wfile.write(SOUND)


def endless_headers(handler: Handler) -> None:
    """Send header lines for ever."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not handler.server.stopping.is_set():
        handler.wfile.write(b"X-Padding: " + b"x" * 1000 + b"\r\n")


def dripping(handler: Handler) -> None:
    """Send one byte after the other, so that no read ever times out."""
    handler.answer(200, {"Content-Length": "100000"})
    while not handler.server.stopping.wait(0.02):
        handler.wfile.write(b"x")


def dripping_headers(handler: Handler) -> None:
    """Send the headers one byte after the other."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Padding: ")
    while not handler.server.stopping.wait(0.02):
        handler.wfile.write(b"x")


def silent(handler: Handler) -> None:
    """Take the request and never answer."""
    handler.server.stopping.wait(5)


def stalled(handler: Handler) -> None:
    """Send half of the sound and keep the connection."""
    handler.answer(200, {"Content-Length": str(len(SOUND))})
    handler.wfile.write(SOUND[: len(SOUND) // 2])
    handler.server.stopping.wait(5)


def truncated(handler: Handler) -> None:
    """Send half of what was announced and hang up."""
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
    """Announce more than the cap, and send nothing."""
    handler.answer(200, {"Content-Length": str(10**12)})


def contradictory_length(handler: Handler) -> None:
    """Announce two lengths."""
    handler.send_response(200)
    handler.send_header("Content-Length", "10")
    handler.send_header("Content-Length", str(len(SOUND)))
    handler.end_headers()
    handler.wfile.write(SOUND)


def absurd_length(handler: Handler) -> None:
    """Announce a number that Python refuses to read."""
    handler.answer(200, {"Content-Length": "9" * 5000})


def short_claim(handler: Handler) -> None:
    """Announce less than is sent: what is announced is all that HTTP delivers."""
    handler.answer(200, {"Content-Length": "1000"}, SOUND)
    handler.close_connection = True


def status(code: int, **headers: str) -> Callable[[Handler], None]:
    """Answer with a status and a small page."""
    return lambda handler: handler.answer(
        code, {name.replace("_", "-"): text for name, text in headers.items()}, b"<html></html>"
    )


def redirect(target: str, code: int = 302) -> Callable[[Handler], None]:
    """Send the client on; FORBIDDEN and HERE are the two servers' ports."""

    def page(handler: Handler) -> None:
        location = target.replace("HERE", str(handler.server.port))
        handler.answer(code, {"Location": location}, b"")

    return page


def hop(handler: Handler) -> None:
    """Redirect /hop?5 to /hop?4 and so on to the sound; with a cookie, which must come back."""
    left = int(handler.path.partition("?")[2])
    if left < 5 and "visited=yes" not in handler.headers.get("Cookie", ""):
        handler.answer(403, {}, b"")
    elif left:
        headers = {"Location": f"hop?{left - 1}", "Set-Cookie": "visited=yes"}
        handler.answer(302, headers, b"")
    else:
        handler.answer(200, {}, SOUND)


def without_baggage(handler: Handler) -> None:
    """Answer only a request that carries no state of ours."""
    odd = {"Cookie", "Authorization", "Referer"} & set(handler.headers)
    identity = handler.headers["Accept-Encoding"] == "identity"
    handler.answer(400 if odd or not identity else 200, {}, SOUND)


OK_PAGES: dict[str, Any] = {
    "/ok": (200, "Audio/MPEG; rate=8000", SOUND),
    "/chunked": chunked,
    "/until-closed": until_closed,
    "/hop": hop,
    "/baggage": without_baggage,
    "/redirect": redirect("http://localhost:HERE/ok", 301),
    "/redirect-seen": redirect("/ok?x=1#fragment", 308),
}


@dataclass(frozen=True)
class Bad:
    """A page that does not lead to a recording, and what is said about it."""

    page: Any
    reason: str
    permanent: bool = False
    code: int | None = None
    limits: DownloadLimits = LIMITS


NOT_AN_ADDRESS = "refused: the host's address 127.0.0.2 is not public"
NOT_HTTP = "the host's answer is not valid HTTP"

BAD_PAGES = {
    "compressed": Bad(compressed, "the body is compressed", permanent=True),
    "encoded twice": Bad(status(200, Content_Encoding="br, gzip"), "compressed", permanent=True),
    "endless": Bad(endless, "larger than 100,000 bytes", permanent=True),
    "endless headers": Bad(endless_headers, NOT_HTTP),
    "huge claim": Bad(huge_claim, "larger than 100,000 bytes", permanent=True),
    "empty": Bad((200, "audio/mpeg", b""), "the body is empty", permanent=True),
    "dripping": Bad(
        dripping, "slower than 8,192 bytes/s", limits=replace(LIMITS, grace_seconds=0.2)
    ),
    "dripping past the deadline": Bad(
        dripping, "not downloaded within 0.3 seconds", limits=replace(LIMITS, deadline_seconds=0.3)
    ),
    "dripping headers": Bad(
        dripping_headers,
        "not downloaded within 0.3 seconds",
        limits=replace(LIMITS, deadline_seconds=0.3),
    ),
    "silent": Bad(silent, "the host does not answer in time", limits=HURRIED),
    "stalled": Bad(stalled, "the host does not answer in time", limits=HURRIED),
    "truncated": Bad(truncated, "truncated: 5120 of 10240 bytes came"),
    "truncated chunks": Bad(truncated_chunks, "truncated: 10240 of unknown bytes came"),
    "reset": Bad(reset, "truncated"),
    "hanging up": Bad(hanging_up, NOT_HTTP),
    "not HTTP": Bad(not_http, NOT_HTTP),
    "contradictory length": Bad(contradictory_length, NOT_HTTP),
    "absurd length": Bad(absurd_length, NOT_HTTP),
    "redirect loop": Bad(redirect("/page"), "more than 5 redirects", permanent=True),
    "one redirect too many": Bad(redirect("/hop?5"), "more than 5 redirects", permanent=True),
    "redirect without a target": Bad(status(302), "HTTP 302", permanent=True, code=302),
    "redirect to no URL": Bad(redirect("http://[::1"), "HTTP 302", permanent=True, code=302),
    "redirect to no host": Bad(redirect("//d$@"), "the URL cannot be read", permanent=True),
    "redirect to no name": Bad(
        redirect("https://aRxn--"), "the URL cannot be read", permanent=True
    ),
    "redirect to file": Bad(redirect("file:///etc/passwd"), "not one of http://", permanent=True),
    "redirect to ftp": Bad(redirect("ftp://127.0.0.1/x"), "not one of http://", permanent=True),
    "redirect with credentials": Bad(
        redirect("http://me:secret@127.0.0.1:HERE/ok"), "credentials", permanent=True
    ),
    "redirect to a forbidden address": Bad(
        redirect("http://127.0.0.2:FORBIDDEN/ok"), NOT_AN_ADDRESS, permanent=True
    ),
    "redirect to a forbidden name": Bad(
        redirect("http://forbidden.test:FORBIDDEN/ok"), NOT_AN_ADDRESS, permanent=True
    ),
    "redirect to a forbidden number": Bad(
        redirect("//2130706434:FORBIDDEN/ok"), NOT_AN_ADDRESS, permanent=True
    ),
    **{
        str(code): Bad(status(code), f"HTTP {code}", permanent=True, code=code)
        for code in (204, 206, 304, 400, 401, 403, 404, 410, 451)
    },
    **{
        str(code): Bad(status(code), f"HTTP {code}", code=code)
        for code in (408, 409, 425, 429, 500, 502, 503, 504, 599)
    },
}

# with the forbidden server's port as PORT and its address in 38 spellings, or no address at all
BAD_URLS = [
    "http://127.0.0.2:PORT/x",
    "http://127.0.0.2.:PORT/x",
    "http://127.2:PORT/x",
    "http://127.0.2:PORT/x",
    "http://2130706434:PORT/x",
    "http://0x7f000002:PORT/x",
    "http://0x7f.0x0.0x0.0x2:PORT/x",
    "http://0177.0.0.2:PORT/x",
    "http://017700000002:PORT/x",
    "http://127.0.0.0x2:PORT/x",
    "http://127。0。0。2:PORT/x",
    "http://①②⑦.⓪.⓪.②:PORT/x",
    "http://0:PORT/x",
    "http://0.0.0.0:PORT/x",
    "http://[::1]:PORT/x",
    "http://[::]:PORT/x",
    "http://[::ffff:127.0.0.2]:PORT/x",
    "http://[::ffff:7f00:2]:PORT/x",
    "http://[0:0:0:0:0:ffff:127.0.0.2]:PORT/x",
    "http://[::127.0.0.2]:PORT/x",
    "http://[64:ff9b::7f00:2]:PORT/x",
    "http://[2002:7f00:2::]:PORT/x",
    "http://[fe80::1%25lo]:PORT/x",
    "http://forbidden.test:PORT/x",
    "http://FORBIDDEN.test:PORT/x",
    "http://forbidden.test.:PORT/x",
    "http://both.test:PORT/x",
    "http://169.254.169.254/latest/meta-data/",
    "http://user@127.0.0.2:PORT/x",
    "http://user:password@allowed.test:PORT/x",
    "http://allowed.test@127.0.0.2:PORT/x",
    "http://allowed.test:80@127.0.0.2:PORT/x",
    "http://allowed.test\\@127.0.0.2:PORT/x",
    "http://127.0.0.2:PORT:80/x",
    "http://127.0.0.2:99999/x",
    "http://127.0.0.2:0/x",
    "http://127.0.0.2:-1/x",
    "http://127.0.0.2:port/x",
    "http://[::1/x",
    "http://[127.0.0.2]:PORT/x",
    "http://allowed.test\r\nHost: x/",
    "http://allowed.test:PORT/\x00",
    "http://" + "a" * 64 + ".test/",
    "http://xn--/",
    "http://xn--a-\xff.test/",
    "http://allowed.test:PORT/" + "a" * 70_000,
    "http://\ud800/",
    "http://allowed.test/?\ud800",
    "http:///x",
    "http:/127.0.0.2:PORT/x",
    "http:127.0.0.2:PORT/x",
    "//127.0.0.2:PORT/x",
    "127.0.0.2:PORT/x",
    "/etc/passwd",
    "file:///etc/passwd",
    "file://127.0.0.2/etc/passwd",
    "ftp://127.0.0.2:PORT/x",
    "gopher://127.0.0.2:PORT/x",
    "ws://127.0.0.2:PORT/x",
    "unix:///tmp/socket",
    "data:audio/mpeg;base64,AAAA",
    "javascript:alert(1)",
    "http+unix://%2ftmp%2fsocket/x",
    "http://",
    "http:",
    "PR_1234",
    " ",
    "",
]


# -- the two servers, and names without DNS


@pytest.fixture(scope="module")
def forbidden() -> Iterator[WebServer]:
    """Serve what no client may reach."""
    with serving({"/ok": (200, "audio/mpeg", SOUND)}, host="127.0.0.2") as server:
        yield server


@pytest.fixture(scope="module")
def allowed(forbidden: WebServer) -> Iterator[WebServer]:
    """Serve every behaviour, where clients may go."""
    pages = dict(OK_PAGES)
    with serving(pages) as server:
        for name, bad in BAD_PAGES.items():
            pages[f"/{name.replace(' ', '-')}"] = _filled_in(bad.page, forbidden.port)
        yield server


def _filled_in(page: Any, port: int) -> Any:
    """Bind the forbidden port into a redirect, when it is served."""
    if not callable(page):
        return page

    def bound(handler: Handler) -> None:
        original = handler.send_header
        handler.send_header = lambda keyword, value: original(  # type: ignore[method-assign]
            keyword, value.replace("FORBIDDEN", str(port)).replace("/page", handler.path)
        )
        page(handler)

    return bound


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[list[str]]]:
    """Resolve these names only, and count: the answers to each look-up, the last one for ever."""
    answers = {
        "localhost": [["127.0.0.1"]],
        "allowed.test": [["127.0.0.1"]],
        "other.test": [["127.0.0.1"]],
        "forbidden.test": [["127.0.0.2"]],
        "both.test": [["127.0.0.1", "127.0.0.2"]],
        "first-dead.test": [["127.0.0.3", "127.0.0.1"]],
        "rebinding.test": [["127.0.0.1"], ["127.0.0.2"]],
    }
    numeric = socket.getaddrinfo

    def look_up(host: str, port: int, *numbers: int) -> Any:
        host.encode("idna")  # as the real one does: a label of more than 63 letters is an error
        given = answers.get(host.lower().rstrip("."))
        if given is None:
            family, kind, protocol, _ = numbers
            return numeric(host, port, family, kind, protocol, socket.AI_NUMERICHOST)
        addresses = given.pop(0) if len(given) > 1 else given[0]
        return [
            (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port))
            for address in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return answers


@pytest.fixture(autouse=True)
def _no_file_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "files"))
    (tmp_path / "files").mkdir()
    yield
    assert not list((tmp_path / "files").iterdir())


def fetch(
    *urls: str,
    limits: DownloadLimits = LIMITS,
    ssl_context: ssl.SSLContext | None = None,
    networks: tuple[str, ...] = ("127.0.0.1", "127.0.0.3"),
) -> list[Download | FileFailure]:
    """Download one URL after the other with one client, as a worker's slot does."""

    async def run() -> list[Download | FileFailure]:
        results: list[Download | FileFailure] = []
        context = ssl_context or shared_ssl_context()
        async with download.client(parse_networks(networks), context) as client:
            for url in urls:
                try:
                    results.append(await download.fetch(client, url, limits))
                except FileFailure as failure:
                    results.append(failure)
        return results

    return asyncio.run(run())


def fetched(*urls: str, **options: Any) -> list[bytes]:
    """Return the contents of URLs that lead to recordings."""
    contents = []
    for result in fetch(*urls, **options):
        assert isinstance(result, Download), result
        with result.file as file:
            assert file.tell() == 0
            contents.append(file.read())
        assert result.size_bytes == len(contents[-1])
        assert result.sha256 == hashlib.sha256(contents[-1]).hexdigest()
    return contents


def failure_of(url: str, **options: Any) -> FileFailure:
    """Return how a URL fails, after a look at the reason."""
    (result,) = fetch(url, **options)
    assert isinstance(result, FileFailure), result
    for secret in (SECRET, "http://1", ".test", "signature", "/page"):
        assert secret not in str(result)
    return result


# -- what arrives


@pytest.mark.parametrize("path", [path for path in OK_PAGES if path != "/hop"])
def test_a_recording_arrives_whole(allowed: WebServer, path: str) -> None:
    assert fetched(allowed.url(path)) == [SOUND]


def test_a_url_may_be_surrounded_by_blanks(allowed: WebServer) -> None:
    assert fetched(f" {allowed.url('/ok')}\n") == [SOUND]


def test_five_redirects_are_followed_and_carry_cookies(allowed: WebServer) -> None:
    assert fetched(allowed.url("/hop?5")) == [SOUND]


def test_a_recording_leaves_no_cookie_to_the_next(allowed: WebServer) -> None:
    assert fetched(allowed.url("/hop?5"), allowed.url("/baggage")) == [SOUND, SOUND]


def test_a_body_longer_than_announced_ends_where_announced() -> None:
    with serving({"/short": short_claim}) as server:
        assert fetched(server.url("/short")) == [SOUND[:1000]]


def test_one_connection_serves_several_recordings(allowed: WebServer) -> None:
    seen: list[tuple[str, int]] = []

    def page(handler: Handler) -> None:
        seen.append(handler.client_address)
        handler.answer(200, {}, SOUND)

    with serving({"/a": page, "/b": page}) as server:
        assert fetched(server.url("/a"), allowed.url("/ok"), server.url("/b")) == [SOUND] * 3
        assert fetched(server.url("/a"), server.url("/b")) == [SOUND] * 2
    assert len(set(seen)) == 3


def test_the_next_address_is_tried_when_one_does_not_answer(allowed: WebServer) -> None:
    assert fetched(allowed.url("/ok", "first-dead.test")) == [SOUND]


def test_proxies_of_the_environment_are_not_used(
    allowed: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.2:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.2:9")
    assert fetched(allowed.url("/ok")) == [SOUND]


def test_memory_stays_flat(allowed: WebServer) -> None:
    block, blocks = bytes(2**16), 800

    def large(handler: Handler) -> None:
        handler.answer(200, {"Content-Length": str(len(block) * blocks)})
        for _ in range(blocks):
            handler.wfile.write(block)

    with serving({"/large": large}) as server:
        fetch(allowed.url("/missing"))  # so that what is imported late is there
        tracemalloc.start()
        (result,) = fetch(server.url("/large"), limits=DownloadLimits())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert isinstance(result, Download)
    assert result.size_bytes == 52_428_800
    result.file.close()
    assert peak < 3_000_000


# -- what does not


@pytest.mark.parametrize("name", BAD_PAGES)
def test_a_misbehaving_host_fails_the_file(
    allowed: WebServer, forbidden: WebServer, name: str
) -> None:
    bad, hits = BAD_PAGES[name], len(forbidden.hits)
    failure = failure_of(
        allowed.url(f"/{name.replace(' ', '-')}?{SECRET}&signature=x"), limits=bad.limits
    )
    assert bad.reason in str(failure)
    assert (failure.permanent, failure.code) == (bad.permanent, bad.code)
    assert len(forbidden.hits) == hits


@pytest.mark.parametrize("url", BAD_URLS, ids=lambda url: ascii(url[:40]))
def test_a_bad_url_reaches_nobody(allowed: WebServer, forbidden: WebServer, url: str) -> None:
    hits = len(allowed.hits), len(forbidden.hits)
    failure = failure_of(url.replace("PORT", str(forbidden.port)))
    assert failure.permanent or "resolved" in str(failure)
    assert (len(allowed.hits), len(forbidden.hits)) == hits


@pytest.mark.parametrize(("text", "seconds"), [("120", 120), ("1.5", 1.5), ("0", 0), ("-1", 0)])
def test_retry_after_in_seconds_is_passed_on(text: str, seconds: float) -> None:
    with serving({"/page": status(429, Retry_After=text)}) as server:
        assert failure_of(server.url("/page")).retry_after == seconds


@pytest.mark.parametrize(("hours", "seconds"), [(1, 3600), (-1, 0)])
def test_retry_after_as_a_date_is_passed_on(hours: int, seconds: float) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(hours=hours), usegmt=True)
    with serving({"/page": status(503, Retry_After=date)}) as server:
        assert failure_of(server.url("/page")).retry_after == pytest.approx(seconds, abs=60)


@pytest.mark.parametrize("text", ["soon", "inf", "nan", "", "9" * 400, "Mon, 99 Foo 2020"])
def test_a_retry_after_that_makes_no_sense_is_none(text: str) -> None:
    with serving({"/page": status(503, Retry_After=text)}) as server:
        assert failure_of(server.url("/page")).retry_after is None


def test_a_host_that_refuses_connections() -> None:
    with serving({}) as server:
        url = server.url("/ok")
    failure = failure_of(url)
    assert str(failure) == "cannot connect to the host"
    assert not failure.permanent


def test_a_name_that_does_not_resolve() -> None:
    failure = failure_of("http://nowhere.test/x")
    assert str(failure) == "the host's name cannot be resolved"
    assert not failure.permanent


def test_a_look_up_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*args: object, **options: object) -> None:
        del args, options
        await asyncio.sleep(5)

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", never)
    failure = failure_of("http://nowhere.test/x", limits=replace(LIMITS, connect_seconds=0.1))
    assert str(failure) == "the host does not answer in time"
    assert not failure.permanent


def test_a_failure_does_not_spoil_the_client(allowed: WebServer) -> None:
    paths = ["/truncated", "/ok", "/404", "/ok", "/endless", "/ok", "/redirect-loop", "/ok"]
    results = fetch(*(allowed.url(path) for path in paths))
    assert [type(result) for result in results] == [FileFailure, Download] * 4
    for result in results:
        if isinstance(result, Download):
            result.file.close()


def test_a_full_disk_ends_the_run_and_not_the_file(
    allowed: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda: open("/dev/full", "wb"))  # noqa: PTH123, SIM115
    with pytest.raises(TemporaryFileError, match="TMPDIR"):
        fetch(allowed.url("/ok"))


def test_a_cancelled_download_leaves_nothing(allowed: WebServer) -> None:
    async def run() -> None:
        networks = parse_networks(["127.0.0.1"])
        async with download.client(networks, shared_ssl_context()) as client:
            task = asyncio.create_task(download.fetch(client, allowed.url("/stalled"), LIMITS))
            await asyncio.sleep(0.1)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            assert task.cancelled()
            result = await download.fetch(client, allowed.url("/ok"), LIMITS)
            result.file.close()

    asyncio.run(run())


def test_no_url_is_logged(allowed: WebServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    fetch(allowed.url(f"/404?{SECRET}"), f"http://[{SECRET}", f"ftp://{SECRET}")
    assert SECRET not in caplog.text


# -- the guard


def test_an_address_is_refused_with_the_option_that_allows_it(forbidden: WebServer) -> None:
    hits = len(forbidden.hits)
    failure = failure_of(forbidden.url("/ok"))
    assert str(failure) == (
        "refused: the host's address 127.0.0.2 is not public; name its network with --allow-network"
    )
    assert failure.permanent
    assert len(forbidden.hits) == hits
    assert fetched(forbidden.url("/ok"), networks=("127.0.0.0/8",)) == [SOUND]


def test_nothing_local_is_allowed_unless_named(allowed: WebServer) -> None:
    hits = len(allowed.hits)
    assert failure_of(allowed.url("/ok"), networks=()).permanent
    assert len(allowed.hits) == hits


def test_a_name_with_one_forbidden_address_is_refused(
    allowed: WebServer, forbidden: WebServer
) -> None:
    hits = len(allowed.hits), len(forbidden.hits)
    for server in (allowed, forbidden):
        assert NOT_AN_ADDRESS in str(failure_of(server.url("/ok", "both.test")))
    assert (len(allowed.hits), len(forbidden.hits)) == hits


def test_the_address_that_was_checked_is_the_one_connected_to(
    allowed: WebServer, forbidden: WebServer, names: dict[str, list[list[str]]]
) -> None:
    hits = len(forbidden.hits)
    url = allowed.url("/ok", "rebinding.test")
    assert fetched(url) == [SOUND]
    assert names["rebinding.test"] == [["127.0.0.2"]]  # looked up once
    assert NOT_AN_ADDRESS in str(failure_of(url.replace(str(allowed.port), str(forbidden.port))))
    assert len(forbidden.hits) == hits


# -- TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Make a certificate for allowed.test that vouches for itself, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("the openssl program is missing")
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "2", "-subj", "/CN=allowed.test", "-keyout", key,
            "-addext", "subjectAltName=DNS:allowed.test", "-out", certificate,
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


@pytest.fixture(scope="module")
def secure(authority: tuple[Path, Path]) -> Iterator[WebServer]:
    """Serve over TLS as allowed.test."""
    certificate, key = authority
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    with serving({"/ok": (200, "audio/mpeg", SOUND)}, tls=context) as server:
        yield server


@pytest.fixture
def trusting(authority: tuple[Path, Path]) -> ssl.SSLContext:
    """Trust the test's own certificate."""
    return ssl.create_default_context(cafile=str(authority[0]))


def test_https(secure: WebServer, trusting: ssl.SSLContext) -> None:
    assert fetched(secure.url("/ok", "allowed.test"), ssl_context=trusting) == [SOUND]


def test_a_certificate_that_nobody_vouches_for(secure: WebServer) -> None:
    failure = failure_of(secure.url("/ok", "allowed.test"))
    assert str(failure).startswith("the host's certificate is not valid: self")
    assert not failure.permanent


def test_a_connection_to_one_name_never_serves_another(
    secure: WebServer, trusting: ssl.SSLContext
) -> None:
    hits = len(secure.hits)
    first, second = fetch(
        secure.url("/ok", "allowed.test"),
        secure.url("/ok", "other.test"),  # the same address and port
        ssl_context=trusting,
    )
    assert isinstance(first, Download)
    first.file.close()
    assert isinstance(second, FileFailure)
    assert str(second) == "the host's certificate is not valid: Hostname mismatch"
    assert len(secure.hits) == hits + 1


def test_https_to_a_host_that_speaks_none(allowed: WebServer) -> None:
    failure = failure_of(allowed.url("/ok").replace("http:", "https:"))
    assert str(failure).startswith("no TLS connection: ")
    assert not failure.permanent
