"""Hosts that misbehave: the file fails, and its reason says why."""

from __future__ import annotations

import asyncio
import gzip
import socket
import threading
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.download import LIMITS, PRIVATE, failure_of, fetch, trusted_certificates
from tests.support.servers import pages
from tests.support.servers.pages import SOUND, redirect, status
from tests.support.servers.web import serving
from transcriber.audio import download
from transcriber.audio.download import Download
from transcriber.audio.networks import parse_networks
from transcriber.core.verdicts import FileFailure

if TYPE_CHECKING:
    from tests.support.servers.web import Handler, Page
    from transcriber.audio.limits import DownloadLimits

NOT_HTTP = "the host's answer is not valid HTTP"
HURRIED = replace(LIMITS, read_seconds=0.2)


@dataclass(frozen=True)
class Bad:
    """A page that does not lead to a recording, and how the file fails."""

    page: Page
    reason: str
    permanent: bool = False
    code: int | None = None
    limits: DownloadLimits = LIMITS


def encoded(coding: str, body: bytes) -> Page:
    """Return a page whose Content-Encoding is as given."""

    def page(handler: Handler) -> None:
        handler.answer(200, {"Content-Type": "audio/mpeg", "Content-Encoding": coding}, body)

    return page


BAD_PAGES = {
    "compressed": Bad(status(200, Content_Encoding="br"), "the body is compressed", permanent=True),
    "encoded twice": Bad(status(200, Content_Encoding="br, gzip"), "compressed", permanent=True),
    "a gzip that is cut": Bad(encoded("gzip", gzip.compress(SOUND)[:-9]), "truncated: the gzip"),
    "a gzip that is damaged": Bad(
        encoded("gzip", gzip.compress(SOUND)[:10] + 200 * b"\xff"), "the body's gzip is damaged"
    ),
    "a gzip that is a bomb": Bad(
        encoded("gzip", gzip.compress(bytes(50_000_000))), "larger than 100,000", permanent=True
    ),
    "endless": Bad(pages.endless, "larger than 100,000 bytes", permanent=True),
    "endless headers": Bad(pages.endless_headers, NOT_HTTP),
    "huge claim": Bad(pages.huge_claim, "larger than 100,000 bytes", permanent=True),
    "empty": Bad((200, "audio/mpeg", b""), "the body is empty", permanent=True),
    "dripping": Bad(
        pages.dripping, "slower than 8,192 bytes/s", limits=replace(LIMITS, grace_seconds=0.2)
    ),
    "dripping past the deadline": Bad(
        pages.dripping,
        "not downloaded within 0.3 seconds",
        limits=replace(LIMITS, deadline_seconds=0.3),
    ),
    "dripping headers": Bad(
        pages.dripping_headers,
        "not downloaded within 0.3 seconds",
        limits=replace(LIMITS, deadline_seconds=0.3),
    ),
    "silent": Bad(pages.silent, "the host does not answer in time", limits=HURRIED),
    "stalled": Bad(pages.stalled, "the host does not answer in time", limits=HURRIED),
    "truncated": Bad(pages.truncated, "truncated: 5120 of 10240 bytes came"),
    "truncated chunks": Bad(pages.truncated_chunks, "truncated: 10240 of unknown bytes came"),
    "reset": Bad(pages.reset, "truncated"),
    "hanging up": Bad(pages.hanging_up, NOT_HTTP),
    "not HTTP": Bad(pages.not_http, NOT_HTTP),
    "contradictory length": Bad(pages.contradictory_length, NOT_HTTP),
    "absurd length": Bad(pages.absurd_length, NOT_HTTP),
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
    **{
        str(code): Bad(status(code), f"HTTP {code}", permanent=True, code=code)
        for code in (204, 206, 304, 400, 401, 403, 404, 410, 451)
    },
    **{
        str(code): Bad(status(code), f"HTTP {code}", code=code)
        for code in (408, 409, 425, 429, 500, 502, 503, 504, 599)
    },
}


@pytest.mark.parametrize("name", BAD_PAGES)
def test_a_misbehaving_host_fails_the_file(name: str) -> None:
    bad = BAD_PAGES[name]
    with serving({"/page": bad.page, "/hop": pages.hop}) as host:
        failure = failure_of(host.url(f"/page?{PRIVATE}&signature=x"), limits=bad.limits)
    assert bad.reason in str(failure)
    assert (failure.permanent, failure.code) == (bad.permanent, bad.code)


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        *((coding, SOUND) for coding in ("", "identity", "aws-chunked", "utf-8", "UTF-8, binary")),
        ("gzip", SOUND),  # Said, and not done.
        ("gzip", gzip.compress(SOUND)),
        ("gzip", gzip.compress(SOUND[:5000]) + gzip.compress(SOUND[5000:])),
        ("gzip", b"".join(gzip.compress(SOUND[n : n + 100]) for n in range(0, len(SOUND), 100))),
        ("gzip", gzip.compress(SOUND) + bytes(512)),
        ("x-gzip", gzip.compress(SOUND, 0)),
        ("aws-chunked, GZIP", gzip.compress(SOUND)),
    ],
)
def test_a_body_is_what_it_is_whatever_its_coding_is_called(coding: str, body: bytes) -> None:
    with serving({"/page": encoded(coding, body)}) as host:
        (result,) = fetch(host.url("/page"))
    assert isinstance(result, Download)
    with result.file as file:
        assert file.read() == SOUND
    assert result.size_bytes == len(SOUND)


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
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: time.sleep(5))
    began = time.monotonic()
    failure = failure_of("http://nowhere.test/x", limits=replace(LIMITS, connect_seconds=0.1))
    assert str(failure) == "the host does not answer in time"
    assert not failure.permanent
    assert time.monotonic() - began < 3  # Nor does the end of the program wait for the look-up.


def test_names_that_resolve_slowly_do_not_delay_others(monkeypatch: pytest.MonkeyPatch) -> None:
    quick, may_resolve = socket.getaddrinfo, threading.Event()

    def look_up(host: str, *others: int) -> Any:
        if host.startswith("slow"):
            may_resolve.wait(30)
            host = "allowed.test"
        return quick(host, *others)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    async def download_all(slow: list[str], good: str) -> None:
        async def download_one(url: str) -> bytes:
            networks = parse_networks(["127.0.0.1"])
            async with download.client(networks, trusted_certificates()) as client:
                with (await download.fetch(client, url, LIMITS)).file as file:
                    return file.read()

        waiting = [asyncio.create_task(download_one(url)) for url in slow]
        await asyncio.sleep(0.1)
        assert await download_one(good) == SOUND
        assert not any(task.done() for task in waiting)
        may_resolve.set()
        assert await asyncio.gather(*waiting) == [SOUND] * len(slow)

    with serving({"/x": (200, "audio/mpeg", SOUND)}) as host:
        slow = [host.url("/x", f"slow-{number}.test") for number in range(40)]
        asyncio.run(download_all(slow, host.url("/x", "allowed.test")))


def test_a_failure_does_not_spoil_the_client() -> None:
    bad = {
        "/truncated": pages.truncated,
        "/gone": status(404),
        "/endless": pages.endless,
        "/redirect-loop": redirect("/redirect-loop"),
    }
    with serving({"/ok": (200, "audio/mpeg", SOUND), **bad}) as host:
        results = fetch(*(host.url(path) for each in bad for path in (each, "/ok")))
    assert [type(result) for result in results] == [FileFailure, Download] * 4
    for result in results:
        if isinstance(result, Download):
            result.file.close()
