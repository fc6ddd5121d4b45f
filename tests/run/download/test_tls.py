"""Downloads over TLS, from a host whose certificate the test makes itself."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.download import failure_of, fetch, fetched
from tests.support.servers.pages import SOUND
from tests.support.servers.web import WebServer, serving
from transcriber.audio.download import Download
from transcriber.core.verdicts import FileFailure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Make a certificate for allowed.test that is signed by itself, and its key."""
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
        secure.url("/ok", "other.test"),  # This name has the same address and port.
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
