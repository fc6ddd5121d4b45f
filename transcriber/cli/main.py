"""The command line's entry: loads the command that is called, and ends our errors as one line."""

from __future__ import annotations

from importlib import import_module

import click

from transcriber.core.errors import TranscriberError

# Each command's module in this folder, and the first line of its help. `transcriber --help` shows
# these lines instead of loading the commands, because they load psycopg, yoyo and the worker.
COMMANDS = {
    "migrate": ("system", "Create or update the tables: apply the migrations that are pending."),
    "run": ("run", "Transcribe what is pending, until nothing is."),
    "status": (
        "operate",
        "Show how many files are in which state, and when the queue will be empty.",
    ),
    "failures": ("operate", "List the files that failed, the newest failure first."),
    "retry": ("operate", "Put failed files back into the queue."),
    "release": ("operate", "Take claims away from workers that are gone."),
    "resume": ("operate", "Let workers use a paused provider again."),
}


class LazyGroup(click.Group):
    """A group that loads a command when it is called, and ends our errors as one line on stderr."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the order in which a newcomer needs the commands."""
        del ctx
        return [*COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command from the module that defines it under its own name."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f"transcriber.cli.{module}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; end a `TranscriberError` with its message and exit code."""
        try:
            return super().invoke(ctx)
        except TranscriberError as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(error.exit_code)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="transcriber")
def main() -> None:
    """Transcribe a call centre's recordings, each exactly once, from and into PostgreSQL.

    transcriber connects to the database that libpq's variables name: PGHOST, PGPORT, PGUSER,
    PGPASSWORD and PGDATABASE, or PGSERVICE. Variables can set options, too: --limit of run
    is TRANSCRIBER_RUN_LIMIT. Each command's help names its own.
    """
