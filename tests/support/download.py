"""Downloads as one slot of a worker makes them, with limits that suit tests on loopback."""

from __future__ import annotations

import asyncio
import hashlib
from functools import cache
from typing import TYPE_CHECKING, Any

from transcriber.audio import download
from transcriber.audio.download import Download
from transcriber.audio.limits import DownloadLimits
from transcriber.audio.networks import parse_networks
from transcriber.core.verdicts import FileFailure

if TYPE_CHECKING:
    import ssl

LIMITS = DownloadLimits(max_bytes=100_000, connect_seconds=2, read_seconds=2, deadline_seconds=10)
# Part of URLs that fail. No reason and no log line may show it.
PRIVATE = "493023125678"

# Loading the certificates that a client trusts takes longer than most downloads here.
trusted_certificates = cache(download.new_ssl_context)


def fetch(
    *urls: str,
    limits: DownloadLimits = LIMITS,
    ssl_context: ssl.SSLContext | None = None,
    networks: tuple[str, ...] = ("127.0.0.1", "127.0.0.3"),
) -> list[Download | FileFailure]:
    """Download one URL after the other with one client, as a worker's slot does."""

    async def run() -> list[Download | FileFailure]:
        results: list[Download | FileFailure] = []
        context = ssl_context or trusted_certificates()
        async with download.client(parse_networks(networks), context) as client:
            for url in urls:
                try:
                    results.append(await download.fetch(client, url, limits))
                except FileFailure as failure:
                    results.append(failure)
        return results

    return asyncio.run(run())


def fetched(*urls: str, **options: Any) -> list[bytes]:
    """Download URLs that lead to recordings; return the contents."""
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
    """Return the failure of a URL, after checking that its reason quotes nothing private."""
    (result,) = fetch(url, **options)
    assert isinstance(result, FileFailure), result
    for private in (PRIVATE, "http://1", ".test", "signature", "/page"):
        assert private not in str(result)
    return result
