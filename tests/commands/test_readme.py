"""The README's commands, run as they stand there; and its promises about options and help."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from tests.demo.source import create_tables
from tests.support import REPOSITORY
from transcriber.cli.main import COMMANDS, main

if TYPE_CHECKING:
    from psycopg import Connection

README = (REPOSITORY / "README.md").read_text()

# These commands set up or test the project itself. test_demo.py runs the demo, and a
# developer who runs this test has run the other two.
ELSEWHERE = {"make demo", "make test", "make setup"}


def blocks(language: str) -> list[str]:
    """Return the README's fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    """Return the README's shell commands in order, but for those that run elsewhere."""
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line not in ELSEWHERE]


def test_every_command_works_in_the_order_of_the_readme(
    database: dict[str, str],
    connection: Connection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    del database
    create_tables(connection)
    checkout = tmp_path / "checkout"
    ignored = shutil.ignore_patterns(".venv", ".git", ".demo", "target", "logs", ".*_cache")
    shutil.copytree(REPOSITORY, checkout, ignore=ignored)
    (checkout / ".venv").symlink_to(Path(sys.prefix))
    monkeypatch.setenv("OPENAI_API_KEY", "a-key-of-the-tests")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    script = "set -eu\n" + "\n".join(commands())
    done = subprocess.run(
        ["bash", "-c", script], cwd=checkout, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Nothing to transcribe." in done.stdout


@pytest.mark.parametrize("statement", blocks("sql"))
def test_every_statement_works(connection: Connection, statement: str) -> None:
    connection.execute(statement.encode())


def every_command() -> list[tuple[str, click.Command]]:
    """Return the commands by name."""
    context = click.Context(main)
    found = ((name, main.get_command(context, name)) for name in COMMANDS)
    return [(name, command) for name, command in found if command]


@pytest.mark.parametrize(("name", "command"), every_command())
def test_every_command_is_documented(name: str, command: click.Command) -> None:
    assert f"transcriber {name}" in README
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"--{parameter.name} has no help"


def test_every_option_of_run_comes_from_the_environment_too() -> None:
    for option in dict(every_command())["run"].params:
        variable = f"TRANSCRIBER_{option.opts[0].removeprefix('--').upper().replace('-', '_')}"
        assert option.envvar == variable
