"""The command line: options in, exit codes out. The work is done in the modules beside it."""

from __future__ import annotations

from typing import Any

import click

from transcriber.cli import operate as operator_commands
from transcriber.cli.options import option
from transcriber.cli.run import run
from transcriber.core.errors import TranscriberError


class Commands(click.Group):
    """A group whose commands end our errors as one line on stderr, never as a traceback."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 (click's own signature)
        """Run the command; end a `TranscriberError` with its message and exit code."""
        try:
            return super().invoke(ctx)
        except TranscriberError as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(error.exit_code)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="transcriber")
def main() -> None:
    """Transcribe a call centre's recordings, exactly once, from and into PostgreSQL.

    The database is the one that libpq's variables name: PGHOST, PGPORT, PGUSER, PGPASSWORD,
    PGDATABASE, or PGSERVICE. Every option can be set as TRANSCRIBER_<OPTION>, too.
    """


for command in (*operator_commands.COMMANDS, run):
    main.add_command(command)


@main.command()
@click.option("--list", "what", flag_value="list", help="List the migrations, and change nothing.")
@click.option("--dry-run", "what", flag_value="dry-run", help="Print the SQL, and change nothing.")
@click.option(
    "--rollback",
    metavar="ID",
    help="Roll back this migration and everything applied after it. Never drops rows.",
)
@option(
    "lock-timeout",
    type=click.FloatRange(min=0),
    default=60,
    show_default=True,
    help="Seconds to wait for another migration to end.",
)
def migrate(what: str | None, rollback: str | None, lock_timeout: float) -> None:
    """Create or renew the tables: apply the migrations that are pending.

    Safe to run at every start, also by many machines at once. Tables that are there already are
    adopted with their rows. Exit codes: 0 all is applied, 2 see the message.
    """
    from transcriber.db import migrate  # noqa: PLC0415 (--help stays quick)

    if what and rollback:
        raise click.UsageError(f"--{what} and --rollback exclude each other.")
    if what == "list":
        for migration in migrate.status():
            click.echo(migration.describe())
    elif what == "dry-run":
        for migration in migrate.dry_run():
            click.echo(f"-- {migration.id}\n{migration.path.read_text('utf-8')}")
    elif rollback:
        for migration_id in migrate.rollback(rollback, lock_seconds=lock_timeout):
            click.echo(f"rolled back {migration_id}")
    else:
        for migration_id in migrate.apply(lock_seconds=lock_timeout) or ["nothing to apply"]:
            click.echo(migration_id)
