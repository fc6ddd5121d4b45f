"""What the pages of the documentation find: a checkout, the dialer's tables, a host, a provider."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.demo.source import CallCentre, create_tables, insert_recordings
from tests.support import REPOSITORY
from tests.support.pipeline import KEY, recording
from tests.support.servers.postgres import embedded_bin_dir
from tests.support.servers.provider import speech_server
from tests.support.servers.web import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.servers.web import WebServer


@dataclass(frozen=True)
class Machine:
    """A machine on which somebody follows a page, in a checkout of the project."""

    checkout: Path

    def run(self, script: str) -> str:
        """Run a script that succeeds, and return what it printed."""
        done = subprocess.run(
            ["bash", "-c", script], cwd=self.checkout, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Return a machine with a fresh checkout whose packages are installed."""
    checkout = tmp_path / "media-pipeline"
    ignored = shutil.ignore_patterns(
        ".*", "*.pyc", "target", "logs", "profiles.yml", "requirements.lock"
    )
    shutil.copytree(REPOSITORY, checkout, ignore=ignored)
    (checkout / ".venv").symlink_to(Path(sys.prefix))
    programs = (Path(sys.executable).parent, embedded_bin_dir(), "/usr/bin", "/bin")
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, programs)))
    monkeypatch.setenv("DBT_USE_COLORS", "false")
    return Machine(checkout)


@pytest.fixture
def host() -> Iterator[WebServer]:
    """Serve recordings on loopback."""
    with serving({}) as server:
        yield server


@pytest.fixture
def dialer(
    empty_database: dict[str, str], host: WebServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[psycopg.Connection]:
    """Point the environment at a database that has the dialer's tables and nothing else.

    Its rows are dirty, but every URL plays.
    """
    with speech_server() as provider, psycopg.connect(autocommit=True) as connection:
        call_centre = CallCentre(host.url(""))
        create_tables(connection)
        insert_recordings(connection, call_centre.recordings())
        host.pages = dict.fromkeys(call_centre.pages, (200, "audio/mpeg", recording("call")))
        monkeypatch.setenv("ADMIN", empty_database["PGUSER"])
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", provider.base_url)
        monkeypatch.setenv("TRANSCRIBER_RUN_ALLOW_NETWORK", "127.0.0.1/32")
        yield connection


@pytest.fixture
def operated(machine: Machine, host: WebServer, dialer: psycopg.Connection) -> psycopg.Connection:
    """Go on to the day after the first run: most files have a transcript, 2 have failed."""
    machine.run("make profiles.yml && transcriber migrate")
    dialer.execute("""
        insert into media_pipeline.audio_files (url, url_sha1)
        select distinct
            location,
            media_pipeline.url_sha1(location)
        from public.recordings
        where location like 'http%'
    """)
    gone, login_page, *_ = host.pages
    host.pages = {
        **host.pages,
        gone: (404, "text/plain", b"no such recording"),
        login_page: (200, "text/html", b"<!doctype html>"),
    }
    machine.run("transcriber run || test $? -eq 1")
    return dialer
