"""The guard lets a download connect to public or allowed addresses only."""

from __future__ import annotations

import pytest

from tests.support.download import PRIVATE, failure_of, fetched
from tests.support.servers.pages import SOUND, redirect
from tests.support.servers.web import WebServer, serving

# URLs that hold the forbidden host's address in many spellings, or no address at all. PORT stands
# for the forbidden host's port.
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


NOT_PUBLIC = "refused: the host's address 127.0.0.2 is not public"


@pytest.mark.parametrize("url", BAD_URLS, ids=lambda url: ascii(url[:40]))
def test_a_bad_url_reaches_nobody(allowed: WebServer, forbidden: WebServer, url: str) -> None:
    hits = len(allowed.hits), len(forbidden.hits)
    failure = failure_of(url.replace("PORT", str(forbidden.port)))
    assert failure.permanent or "resolved" in str(failure)
    assert (len(allowed.hits), len(forbidden.hits)) == hits


@pytest.mark.parametrize(
    "target", ["http://127.0.0.2:PORT/ok", "http://forbidden.test:PORT/ok", "//2130706434:PORT/ok"]
)
def test_a_redirect_to_a_forbidden_host_is_refused(forbidden: WebServer, target: str) -> None:
    hits = len(forbidden.hits)
    page = redirect(target.replace("PORT", str(forbidden.port)))
    with serving({"/page": page}) as host:
        failure = failure_of(host.url(f"/page?{PRIVATE}&signature=x"))
    assert NOT_PUBLIC in str(failure)
    assert (failure.permanent, failure.code) == (True, None)
    assert len(forbidden.hits) == hits


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
        assert NOT_PUBLIC in str(failure_of(server.url("/ok", "both.test")))
    assert (len(allowed.hits), len(forbidden.hits)) == hits


def test_the_address_that_was_checked_is_the_one_connected_to(
    allowed: WebServer, forbidden: WebServer, names: dict[str, list[list[str]]]
) -> None:
    hits = len(forbidden.hits)
    url = allowed.url("/ok", "rebinding.test")
    assert fetched(url) == [SOUND]
    assert names["rebinding.test"] == [["127.0.0.2"]]  # The name was looked up once.
    assert NOT_PUBLIC in str(failure_of(url.replace(str(allowed.port), str(forbidden.port))))
    assert len(forbidden.hits) == hits
