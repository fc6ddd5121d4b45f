"""The help of each command: its line in `transcriber --help`, and its examples."""

from __future__ import annotations

import shlex
import subprocess
import sys
from inspect import cleandoc
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from tests.support.database.catalogue import add_audio_file
from transcriber.cli.main import COMMANDS, main

if TYPE_CHECKING:
    import psycopg

HELP_THEN_MODULES = """
import sys
from transcriber.cli.main import main
main(["--help"], standalone_mode=False)
print(*sys.modules, file=sys.stderr)
"""


def help_of(name: str) -> str:
    """Return a command's help."""
    command = main.get_command(click.Context(main), name)
    assert command is not None
    return cleandoc(command.help or "")


def examples(name: str) -> list[str]:
    """Return the commands that a command's help shows as examples."""
    _, _, part = help_of(name).partition("\n\b\nExamples:\n")
    return [line.strip() for line in part.splitlines() if line.startswith("  ")]


def test_the_list_of_commands_loads_no_command() -> None:
    process = [sys.executable, "-c", HELP_THEN_MODULES]
    done = subprocess.run(process, check=True, capture_output=True, text=True)
    assert all(f"  {name} " in done.stdout for name in COMMANDS)
    loaded = done.stderr.split()
    assert not {"psycopg", "yoyo", "transcriber.cli.options"} & {*loaded}
    assert not {f"transcriber.cli.{module}" for module, _ in COMMANDS.values()} & {*loaded}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_shows_the_first_line_of_each_help(name: str) -> None:
    assert help_of(name).partition("\n")[0] == COMMANDS[name][1]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_examples_of_itself(name: str) -> None:
    assert examples(name)
    assert all(example.startswith(f"transcriber {name}") for example in examples(name))


@pytest.mark.parametrize("example", [each for name in COMMANDS for each in examples(name)])
def test_every_example_works(
    connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, example: str
) -> None:
    # A run of a campaign wants to find it; this one has nothing left to do.
    audio_file_id = add_audio_file(
        connection, "https://vault.example.test/1.mp3", campaign_name="Spring offers"
    )
    connection.execute(
        "insert into media_pipeline.transcriptions (audio_file_id, status)"
        " values (%s, 'completed')",
        [audio_file_id],
    )
    monkeypatch.setenv("OPENAI_API_KEY", "a-key-of-the-tests")
    result = CliRunner().invoke(main, shlex.split(example)[1:])
    assert result.exit_code == 0, result.output
