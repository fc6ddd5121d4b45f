"""Recordings arrive whole over real HTTP on loopback, and leave nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from tests.support.download import LIMITS, PRIVATE, fetch, fetched, trusted_certificates
from tests.support.servers import pages
from tests.support.servers.pages import SOUND
from tests.support.servers.web import WebServer, serving
from transcriber.audio import download
from transcriber.audio.download import Download, TemporaryFileError
from transcriber.audio.limits import DownloadLimits
from transcriber.audio.networks import parse_networks

if TYPE_CHECKING:
    from tests.support.servers.web import Handler


@pytest.mark.parametrize(
    "path", ["/ok", "/chunked", "/until-closed", "/baggage", "/redirect", "/redirect-seen"]
)
def test_a_recording_arrives_whole(allowed: WebServer, path: str) -> None:
    assert fetched(allowed.url(path)) == [SOUND]


def test_a_url_may_be_surrounded_by_blanks(allowed: WebServer) -> None:
    assert fetched(f" {allowed.url('/ok')}\n") == [SOUND]


def test_five_redirects_are_followed_and_carry_cookies(allowed: WebServer) -> None:
    assert fetched(allowed.url("/hop?5")) == [SOUND]


def test_a_recording_leaves_no_cookie_to_the_next(allowed: WebServer) -> None:
    assert fetched(allowed.url("/hop?5"), allowed.url("/baggage")) == [SOUND, SOUND]


def test_a_body_longer_than_announced_ends_where_announced() -> None:
    with serving({"/short": pages.short_claim}) as server:
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
        fetch(allowed.url("/missing"))  # Imports the modules that a download loads late.
        tracemalloc.start()
        (result,) = fetch(server.url("/large"), limits=DownloadLimits())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert isinstance(result, Download)
    assert result.size_bytes == 52_428_800
    result.file.close()
    assert peak < 3_000_000


def test_a_full_disk_ends_the_run_and_not_the_file(
    allowed: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda: open("/dev/full", "wb"))  # noqa: PTH123, SIM115
    with pytest.raises(TemporaryFileError, match="TMPDIR"):
        fetch(allowed.url("/ok"))


def test_a_cancelled_download_leaves_nothing(allowed: WebServer) -> None:
    async def run(stalled: str) -> None:
        networks = parse_networks(["127.0.0.1"])
        async with download.client(networks, trusted_certificates()) as client:
            task = asyncio.create_task(download.fetch(client, stalled, LIMITS))
            await asyncio.sleep(0.1)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            assert task.cancelled()
            result = await download.fetch(client, allowed.url("/ok"), LIMITS)
            result.file.close()

    with serving({"/stalled": pages.stalled}) as host:
        asyncio.run(run(host.url("/stalled")))


def test_no_url_is_logged(allowed: WebServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    fetch(allowed.url(f"/404?{PRIVATE}"), f"http://[{PRIVATE}", f"ftp://{PRIVATE}")
    assert PRIVATE not in caplog.text
