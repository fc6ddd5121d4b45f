"""What `transcriber --help` says of the commands."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from transcriber.cli.main import COMMANDS, main

HELP_THEN_MODULES = """
import sys
from transcriber.cli.main import main
main(["--help"], standalone_mode=False)
print(*sys.modules, file=sys.stderr)
"""


def command_called(name: str) -> click.Command:
    """Return a command as the group loads it."""
    command = main.get_command(click.Context(main), name)
    assert command is not None
    return command


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_shows_the_first_line_of_each_help(name: str) -> None:
    command = command_called(name)
    assert (command.name, (command.help or "").partition("\n")[0]) == (name, COMMANDS[name][1])


def test_the_list_of_commands_loads_no_command() -> None:
    process = [sys.executable, "-c", HELP_THEN_MODULES]
    done = subprocess.run(process, check=True, capture_output=True, text=True)
    assert all(f"  {name} " in done.stdout for name in COMMANDS)
    loaded = done.stderr.split()
    assert not {"psycopg", "yoyo", "transcriber.cli.options"} & {*loaded}
    assert not {f"transcriber.cli.{module}" for module, _ in COMMANDS.values()} & {*loaded}
