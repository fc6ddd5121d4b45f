"""The commands that set up the database: migrate."""

from __future__ import annotations

import click

from transcriber.cli.options import Number, command, option
from transcriber.db import migrate as migrations
from transcriber.db.yoyo_backend import LOCK_SECONDS


@command
@click.option("--list", "action", flag_value="list", help="List the migrations, change nothing.")
@click.option(
    "--dry-run", "action", flag_value="dry-run", help="Print the SQL of the pending migrations."
)
@click.option(
    "--rollback",
    metavar="ID",
    help="Roll back this migration and every migration after it. A rollback never drops rows.",
)
@option(
    "lock-timeout",
    type=Number(min=0),
    default=LOCK_SECONDS,
    show_default=True,
    help="Wait at most this many seconds for another migration to end.",
)
def migrate(action: str | None, rollback: str | None, lock_timeout: float) -> None:
    """Create or update the tables: apply the migrations that are pending.

    You can run it at every start, and on many machines at once. Tables that exist already keep
    their rows. Exit codes: 0 every migration is applied, 2 see the message.

    \b
    Examples:
      transcriber migrate
      transcriber migrate --list
      transcriber migrate --dry-run
      transcriber migrate --rollback 0008
    """
    if action and rollback:
        raise click.UsageError(f"--{action} and --rollback exclude each other.")
    if action == "list":
        for migration in migrations.status():
            click.echo(migration.describe())
    elif action == "dry-run":
        for migration in migrations.dry_run():
            click.echo(f"-- {migration.id}\n{migration.path.read_text('utf-8')}")
    elif rollback:
        for migration_id in migrations.rollback(rollback, lock_seconds=lock_timeout):
            click.echo(f"rolled back {migration_id}")
    else:
        for migration_id in migrations.apply(lock_seconds=lock_timeout) or ["nothing to apply"]:
            click.echo(migration_id)
