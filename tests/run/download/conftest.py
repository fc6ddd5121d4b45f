"""A host that clients may reach, one that they may not, and names that need no DNS server."""

from __future__ import annotations

import socket
import tempfile
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.servers import pages
from tests.support.servers.pages import SOUND, redirect
from tests.support.servers.web import WebServer, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def forbidden() -> Iterator[WebServer]:
    """Serve the sound at 127.0.0.2, which the tests do not allow."""
    with serving({"/ok": (200, "audio/mpeg", SOUND)}, host="127.0.0.2") as server:
        yield server


@pytest.fixture(scope="module")
def allowed() -> Iterator[WebServer]:
    """Serve the sound in several ways at 127.0.0.1, which the tests allow."""
    with serving(
        {
            "/ok": (200, "audio/mpeg", SOUND),
            "/chunked": pages.chunked,
            "/until-closed": pages.until_closed,
            "/hop": pages.hop,
            "/baggage": pages.without_baggage,
            "/redirect": redirect("http://localhost:HERE/ok", 301),
            "/redirect-seen": redirect("/ok?x=1#fragment", 308),
        }
    ) as server:
        yield server


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[list[str]]]:
    """Resolve these names only: each look-up takes the next answer, and the last one remains."""
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
        # The real function does the same, and fails for a label of more than 63 letters.
        host.encode("idna")
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
    """Check that a test leaves no temporary file."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "files"))
    (tmp_path / "files").mkdir()
    yield
    assert not list((tmp_path / "files").iterdir())
