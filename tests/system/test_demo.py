"""The demo, as the tutorial plays it: all recordings, nothing new, three new ones, repairs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support import REPOSITORY
from tests.support.docs.markdown import page

if TYPE_CHECKING:
    from collections.abc import Iterator

README, TUTORIAL = page("README.md"), page("docs/tutorial.md")

# What the Makefile runs for each command of the tutorial.
OPTIONS = {"make demo": [], "make demo NEW=3": ["--new", "3"], "make demo-shell": ["--shell"]}


def steps() -> Iterator[tuple[str, list[str]]]:
    """Yield each command of the tutorial with what is typed into the shell that it opens."""
    lines = iter(TUTORIAL.commands())
    for command in lines:
        is_shell = command == "make demo-shell"
        yield command, [*iter(lines.__next__, "exit")] if is_shell else []


def play(home: Path, command: str, typed: list[str]) -> str:
    """Run a command with the demo's state in a folder of the test's own; return what it prints."""
    shell = home.with_name("shell")
    shell.write_text("\n".join(["#!/bin/bash", *typed, "exit 0"]))
    shell.chmod(0o755)
    # The demo always starts a server of its own, also if PG* names one for the tests.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    environment |= {
        "COLUMNS": "100",
        "SHELL": str(shell),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]]),
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.demo", "--home", home, *OPTIONS[command]],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_tutorial_and_the_readme_show_what_the_demo_does(tmp_path: Path) -> None:
    printed = [play(tmp_path / "demo", *step) for step in steps()]
    first, second, third, look, repaired, retried = printed

    assert "public.recordings has 46 new rows" in first
    assert "36 completed, 2 failed" in first
    assert "38 files loaded, 36 transcribed." in first
    assert "your country" in first
    assert "(nothing was said)" in first
    (shown,) = re.findall(r"<!-- demo -->\n```text\n(.*?)```", README.text, flags=re.DOTALL)
    # On another processor the model may hear another word. Everything else must be as the README
    # shows it.
    _, reasons = shown.split("Recordings with issues")
    assert reasons in first

    assert "Nothing to transcribe." in second
    assert "Nothing new: no file loaded, no file transcribed." in second

    assert "public.recordings has 3 new rows" in third
    assert "3 files loaded, 3 transcribed." in third

    assert "HTTP 404" in look
    assert "Enter the phone number of the contact." in look
    assert "1 files loaded, 1 transcribed." in repaired

    assert "would retry 1 file" in retried
    assert "1 permanent: HTTP 404" in retried
