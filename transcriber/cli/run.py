"""`transcriber run`: options in, progress and a summary out, and the exit code."""

from __future__ import annotations

import time

import click

from transcriber.audio.networks import parse_networks
from transcriber.cli.options import Language, Number, command, option
from transcriber.cli.progress import shown_progress
from transcriber.cli.summary import print_summary
from transcriber.core.errors import TranscriberError
from transcriber.providers import NAMES, local, openai
from transcriber.queue.jobs import RetryPolicy, Selection
from transcriber.worker.options import RunLimits, RunOptions
from transcriber.worker.outcome import Outcome, tell_all


@command
@option(
    "provider",
    default=RunOptions.provider,
    show_default=True,
    help=f"Who transcribes: {' or '.join(NAMES)}.",
)
@option(
    "model",
    help="The provider's model; for local a name or a folder."
    f" [openai {openai.DEFAULT_MODEL}, local {local.DEFAULT_MODEL}]",
)
@option(
    "language",
    type=Language(),
    help="The language of the calls (ISO 639-1), if it is known: de, en, …",
)
@option(
    "order",
    type=click.Choice(["newest", "oldest"]),
    default="newest" if Selection.newest_first else "oldest",
    show_default=True,
    help="Transcribe the newest or the oldest calls first.",
)
@option(
    "backfill-share",
    type=Number(0, 1),
    default=Selection.backfill_share,
    show_default=True,
    help="With --order newest, take this share of the files from the oldest calls.",
)
@option("campaign", help="Transcribe only files with this campaign_name.")
@option("phone", help="Transcribe only files of this phone, however it is written.")
@option(
    "max-duration",
    type=Number(min=0),
    help="Transcribe only calls of at most this many seconds, by the dialer's timestamps.",
)
@option("limit", type=click.IntRange(min=1), help="Stop after this many files.")
@option(
    "max-minutes",
    type=Number(min=0, min_open=True),
    help="Claim no more files after this many minutes.",
)
@option("watch", is_flag=True, help="Keep running when nothing is pending, and wait for new files.")
@option(
    "concurrency",
    type=click.IntRange(min=1, max=512),
    help="Transcribe this many files at the same time."
    f" [openai {openai.DEFAULT_CONCURRENCY}, local {local.DEFAULT_CONCURRENCY}]",
)
@option(
    "allow-network",
    multiple=True,
    metavar="CIDR",
    help="Also download from this network, such as 10.0.0.0/8. Loopback and private addresses are"
    " refused unless you name them. Repeatable.",
)
@option(
    "claim-ttl",
    type=Number(min=1),
    default=RunOptions.claim_ttl,
    show_default=True,
    help="Let other workers take over the files of a worker that died after this many seconds.",
)
@option(
    "cooldown",
    type=Number(min=0),
    default=RetryPolicy.cooldown,
    show_default=True,
    help="Wait this many seconds before a failed file is tried again; each attempt doubles it.",
)
@option(
    "max-attempts",
    type=click.IntRange(min=1),
    default=RetryPolicy.max_attempts,
    show_default=True,
    help="Give a file up after this many attempts.",
)
@option(
    "grace",
    type=Number(min=0),
    default=RunLimits.grace,
    show_default=True,
    help="After SIGTERM, SIGHUP or Ctrl-C, let files in flight finish within this many seconds.",
)
@option(
    "patience",
    type=Number(min=0),
    default=RunLimits.patience,
    show_default=True,
    help="Without --watch, wait this many seconds for a host or a provider that is away.",
)
@option(
    "log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json writes one event a line to stderr, and shows no bar.",
)
@option(
    "fail-if-failures",
    is_flag=True,
    help="End with exit code 1 also when files failed for good in earlier runs.",
)
@option("json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.pass_context
def run(
    ctx: click.Context,
    *,
    provider: str,
    model: str | None,
    language: str | None,
    order: str,
    backfill_share: float,
    campaign: str | None,
    phone: str | None,
    max_duration: float | None,
    limit: int | None,
    max_minutes: float | None,
    watch: bool,
    concurrency: int | None,
    allow_network: tuple[str, ...],
    claim_ttl: float,
    cooldown: float,
    max_attempts: int,
    grace: float,
    patience: float,
    log_format: str,
    fail_if_failures: bool,
    as_json: bool,
) -> None:
    """Transcribe what is pending, until nothing is.

    Run it after each `dbt build`, on as many machines as you like. Exit codes: 0 all went well,
    1 some files failed (see `transcriber failures`), 2 wrong usage or configuration, 3 a person
    must act at the provider (key, credit, model) and then run `transcriber resume`, 4 the files
    that are left need a host or a provider that is away, 130 stopped by Ctrl-C, 143 by SIGTERM,
    129 by SIGHUP.

    \b
    Examples:
      transcriber run
      transcriber run --campaign "Spring offers" --limit 100 --concurrency 16
      transcriber run --allow-network 10.1.0.0/16 --max-minutes 45 --log-format json
    """
    from transcriber.worker.run import run as run_worker  # noqa: PLC0415 (it loads psycopg)

    options = RunOptions(
        provider=provider,
        model=model,
        language=language,
        selection=Selection(
            newest_first=order == "newest",
            backfill_share=backfill_share,
            campaign=campaign,
            phone=phone,
            max_duration=max_duration,
        ),
        limits=RunLimits(
            slots=concurrency,
            files=limit,
            seconds=None if max_minutes is None else 60 * max_minutes,
            grace=grace,
            patience=patience,
            watch=watch,
        ),
        retry_policy=RetryPolicy(max_attempts=max_attempts, cooldown=cooldown),
        claim_ttl=claim_ttl,
        allowed_networks=parse_networks(allow_network),
    )
    outcome, began = Outcome(), time.monotonic()
    try:
        with shown_progress(outcome, log_format=log_format, watch=watch) as shown:
            signal = run_worker(options, tell_all(outcome.count, shown))
    except TranscriberError:
        if outcome.files:
            print_summary(outcome, time.monotonic() - began, as_json=as_json)
        raise
    if signal:
        click.echo("Stopped: claims are released, the next run goes on.", err=True)
    print_summary(outcome, time.monotonic() - began, as_json=as_json)
    any_failed = outcome.failed.total() or (fail_if_failures and outcome.left_over.failed)
    ctx.exit(128 + signal if signal else int(any_failed > 0))
