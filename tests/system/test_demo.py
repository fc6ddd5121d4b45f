"""`make demo` three times: with all recordings, with nothing new, and with three new ones."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.support import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path


def run_demo(home: Path, *options: str) -> str:
    """Run the demo with its state in a folder of the test's own."""
    # The demo always starts a server of its own, also if PG* names one for the tests.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    environment["COLUMNS"] = "100"
    done = subprocess.run(
        [sys.executable, "-m", "tests.demo", "--home", home, *options],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_demo_does_everything_once(tmp_path: Path) -> None:
    first = run_demo(tmp_path / "demo")
    assert "public.recordings has 46 new rows" in first
    assert "36 completed, 2 failed" in first
    assert "38 files loaded, 36 transcribed." in first
    assert "your country" in first
    assert "(nothing was said)" in first
    assert "permanent: HTTP 404" in first
    assert "not audio" in first
    for issue in (
        "url_missing",
        "contact_missing",
        "phone_missing",
        "campaign_not_selected",
        "duplicate_url",
        "duplicate_recording_id",
        "started_unreadable",
        "stopped_unreadable",
        "negative_duration",
    ):
        assert f"({issue})" in first

    readme = (REPOSITORY / "README.md").read_text()
    (shown,) = re.findall(r"<!-- demo -->\n```text\n(.*?)```", readme, flags=re.DOTALL)
    # On another processor the model may hear another word. Everything else must be as the README
    # shows it.
    _, reasons = shown.split("Recordings with issues")
    assert reasons in first

    second = run_demo(tmp_path / "demo")
    assert "Nothing to transcribe." in second
    assert "Nothing new: no file loaded, no file transcribed." in second

    third = run_demo(tmp_path / "demo", "--new", "3")
    assert "public.recordings has 3 new rows" in third
    assert "3 files loaded, 3 transcribed." in third
