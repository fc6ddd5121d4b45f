"""The command line: options in, exit codes out. The work is done in the modules beside it."""

from __future__ import annotations

from typing import Any

import click

from transcriber.cli import operate as operator_commands
from transcriber.cli.options import option
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


for command in operator_commands.COMMANDS:
    main.add_command(command)


@main.command()
@option("provider", default="openai", show_default=True, help="Who transcribes: openai or local.")
@option("model", help="The provider's model; for local a name or a folder. [gpt-transcribe; small]")
@option("language", help="The calls' language (ISO 639-1), where it is known: de, en, …")
@option(
    "order",
    type=click.Choice(["newest", "oldest"]),
    default="newest",
    show_default=True,
    help="Which calls first.",
)
@option(
    "backfill-share",
    type=click.FloatRange(0, 1),
    default=0.2,
    show_default=True,
    help="With --order newest: the share of the files that is taken from the oldest.",
)
@option("campaign", help="Only the recordings of this campaign_name.")
@option("phone", help="Only the recordings of this phone, written as in audio_files.")
@option(
    "max-duration",
    type=click.FloatRange(min=0),
    help="Only recordings of at most this many seconds, by the source's timestamps.",
)
@option("limit", type=click.IntRange(min=1), help="Stop after this many files.")
@option(
    "max-minutes",
    type=click.FloatRange(min=0, min_open=True),
    help="Claim nothing more after so many minutes.",
)
@option("watch", is_flag=True, help="Go on when nothing is pending, and wait for new files.")
@option(
    "concurrency",
    type=click.IntRange(min=1, max=512),
    help="Files at the same time. [openai 8, local 1]",
)
@option(
    "allow-network",
    multiple=True,
    metavar="CIDR",
    help="Also download from this network, such as 10.0.0.0/8. Loopback and private addresses are"
    " refused unless named. Repeatable.",
)
@option(
    "claim-ttl",
    type=click.FloatRange(min=1),
    default=120,
    show_default=True,
    help="Seconds after which others take over from a worker that died.",
)
@option(
    "cooldown",
    type=click.FloatRange(min=0),
    default=60,
    show_default=True,
    help="Seconds before a failed file is tried again; doubles with every attempt.",
)
@option(
    "max-attempts",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="Attempts after which a failure is permanent.",
)
@option(
    "grace",
    type=click.FloatRange(min=0),
    default=20,
    show_default=True,
    help="Seconds in which files in flight may be finished after SIGTERM or Ctrl-C.",
)
@option(
    "log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json: one event a line on stderr, and no bar.",
)
@option("json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.pass_context
def run(ctx: click.Context, /, allow_network: tuple[str, ...], **options: Any) -> None:  # noqa: ANN401
    """Transcribe what is pending, until nothing is.

    Run it after each `dbt build`, on as many machines as you like. Exit codes: 0 all went well,
    1 some files failed (see `transcriber failures`), 2 wrong usage or configuration, 3 a person
    must act at the provider (key, credit, model) and then run `transcriber resume`, 130 stopped
    by Ctrl-C, 143 by SIGTERM.
    """
    from transcriber.audio.networks import parse_networks  # noqa: PLC0415 (--help stays quick)
    from transcriber.queue.jobs import Choice  # noqa: PLC0415
    from transcriber.worker.run import Options  # noqa: PLC0415
    from transcriber.worker.run import run as run_worker  # noqa: PLC0415

    choice = Choice(
        newest_first=options.pop("order") == "newest",
        **{
            name: options.pop(name)
            for name in ("backfill_share", "campaign", "phone", "max_duration")
        },
    )
    networks = parse_networks(allow_network)
    ctx.exit(run_worker(Options(choice=choice, allowed_networks=networks, **options)))


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
