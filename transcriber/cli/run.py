"""The command `transcriber run`."""

from __future__ import annotations

from typing import Any

import click

from transcriber.cli.options import option


@click.command()
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
def run(ctx: click.Context, /, allow_network: tuple[str, ...], **options: Any) -> None:
    """Transcribe what is pending, until nothing is.

    Run it after each `dbt build`, on as many machines as you like. Exit codes: 0 all went well,
    1 some files failed (see `transcriber failures`), 2 wrong usage or configuration, 3 a person
    must act at the provider (key, credit, model) and then run `transcriber resume`, 130 stopped
    by Ctrl-C, 143 by SIGTERM.

    \b
    Examples:
      transcriber run
      transcriber run --campaign "Spring offers" --limit 100 --concurrency 16
      transcriber run --allow-network 10.1.0.0/16 --max-minutes 45 --log-format json
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
