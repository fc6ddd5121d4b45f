"""The commands that set up the database: migrate."""

from __future__ import annotations

import click

from transcriber.cli.options import option
from transcriber.db import migrate as migrations


@click.command()
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
    if what and rollback:
        raise click.UsageError(f"--{what} and --rollback exclude each other.")
    if what == "list":
        for migration in migrations.status():
            click.echo(migration.describe())
    elif what == "dry-run":
        for migration in migrations.dry_run():
            click.echo(f"-- {migration.id}\n{migration.path.read_text('utf-8')}")
    elif rollback:
        for migration_id in migrations.rollback(rollback, lock_seconds=lock_timeout):
            click.echo(f"rolled back {migration_id}")
    else:
        for migration_id in migrations.apply(lock_seconds=lock_timeout) or ["nothing to apply"]:
            click.echo(migration_id)
