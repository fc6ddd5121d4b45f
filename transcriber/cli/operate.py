"""The commands for operators: status, failures, retry, release and resume."""

from __future__ import annotations

import click

from transcriber.cli import output
from transcriber.cli.options import as_json, campaign, command, dry_run, option
from transcriber.db.connect import connect
from transcriber.operate.claims import release_claims
from transcriber.operate.failures import (
    FailureFilter,
    count_reasons,
    read_failures,
    retry_failures,
)
from transcriber.operate.pauses import resume_provider
from transcriber.operate.status import read_status
from transcriber.providers import NAMES

SHOWN_FAILURES = 20


@command
@as_json
def status(*, as_json: bool) -> None:
    """Show how many files are in which state, and when the queue will be empty.

    The ETA is for all files that need no person's help, at the speed of the last ten minutes. The
    hours of sound were measured where a file is completed; elsewhere they come from the times in
    the catalogue.

    \b
    Examples:
      transcriber status
      transcriber status --json
    """
    with connect() as connection:
        found = read_status(connection)
    output.print_lines([output.json_text(found)] if as_json else output.status_lines(found))


@command
@option("summary", is_flag=True, help="Count the failures by status, code and reason instead.")
@option(
    "status",
    type=click.Choice(["transient", "permanent"]),
    help="Show only failures with this status.",
)
@campaign
@option(
    "limit",
    type=click.IntRange(min=1),
    default=SHOWN_FAILURES,
    show_default=True,
    help="Show at most this many files.",
)
@as_json
def failures(
    *, summary: bool, status: str | None, campaign: str | None, limit: int, as_json: bool
) -> None:
    """List the files that failed, the newest failure first.

    Workers try a transient failure again when its cooldown is over, and a permanent failure only
    after `transcriber retry`.

    \b
    Examples:
      transcriber failures --summary
      transcriber failures --status permanent --limit 100
      transcriber failures --campaign "Spring offers" --json
    """
    chosen = FailureFilter(statuses=[status] if status else None, campaign=campaign)
    if summary:
        with connect() as connection:
            reasons = count_reasons(connection, chosen)
        output.print_found("reasons", reasons, output.reason_lines, as_json=as_json)
        return
    with connect() as connection:
        found = read_failures(connection, chosen, limit=limit)
    output.print_found("failures", found, output.failure_lines, as_json=as_json)
    if len(found) == limit and not as_json:
        click.echo(f"These are the newest {limit:,}: --limit shows more, --summary counts all.")


@command
@option("transient", is_flag=True, help="Choose transient failures, even before their next try.")
@option("permanent", is_flag=True, help="Choose permanent failures.")
@option(
    "error",
    metavar="TEXT",
    help="Choose failures whose recorded reason contains this text, in upper or lower case.",
)
@campaign
@dry_run
@click.argument("ids", nargs=-1, type=click.IntRange(1, 2**63 - 1))
def retry(
    *,
    transient: bool,
    permanent: bool,
    error: str | None,
    campaign: str | None,
    dry_run: bool,
    ids: tuple[int, ...],
) -> None:
    """Put failed files back into the queue.

    Files keep their position in the queue and start with a fresh attempt count. IDS are the ids
    that `transcriber failures` shows. A failure must match everything that you choose by, but
    --transient and --permanent together choose any failure. Files that a worker has claimed are
    left alone.

    \b
    Examples:
      transcriber retry --transient --dry-run
      transcriber retry --error "timed out" --campaign "Spring offers"
      transcriber retry 17 23
    """
    if not (transient or permanent or error or campaign or ids):
        raise click.UsageError(
            "Choose what to retry: --transient, --permanent, --error TEXT, --campaign NAME or ids."
        )
    flags = {"transient": transient, "permanent": permanent}
    chosen = FailureFilter(
        statuses=[status for status, is_chosen in flags.items() if is_chosen] or None,
        error=error or None,
        campaign=campaign or None,
        audio_file_ids=[*ids] or None,
    )
    with connect() as connection:
        found = read_failures(connection, chosen)
        free = [failure for failure in found if not failure.is_claimed]
        retried = len(free) if dry_run else retry_failures(connection, free)
    if dry_run and free:
        output.print_lines(output.failure_lines(free[:SHOWN_FAILURES]))
        if len(free) > SHOWN_FAILURES:
            click.echo(f"… and {len(free) - SHOWN_FAILURES:,} more")
    click.echo(f"{'would retry' if dry_run else 'retried'} {output.counted_files(retried)}")
    if len(found) > retried:
        click.echo(
            f"left alone {output.counted_files(len(found) - retried)} that a worker has claimed"
        )


@command
@option("expired", is_flag=True, help="Release only claims that have expired.")
@option(
    "worker",
    metavar="NAME",
    help="Release only claims of this worker; host:pid or host stand for every worker there.",
)
@dry_run
def release(*, expired: bool, worker: str | None, dry_run: bool) -> None:
    """Take claims away from workers that are gone.

    Other workers can then take the files without waiting until the claims expire. The names of
    the workers are in `transcriber status`. Do not release the claims of a worker that still
    runs: both it and the next worker may pay for the same file.

    \b
    Examples:
      transcriber release --expired
      transcriber release --worker host-1 --dry-run
      transcriber release --worker host-1:4711
    """
    if not (expired or worker):
        raise click.UsageError("Choose what to release: --expired or --worker NAME.")
    with connect() as connection:
        released = release_claims(
            connection, expired=expired, worker=worker or None, dry_run=dry_run
        )
    verb = "would release" if dry_run else "released"
    for holder in released:
        click.echo(f"{verb} {output.counted_files(holder.files)} of {output.plain(holder.worker)}")
    click.echo(f"{verb} {output.counted_files(sum(holder.files for holder in released))}")


@command
@dry_run
@click.argument("provider", metavar="PROVIDER", type=click.Choice(NAMES))
def resume(*, provider: str, dry_run: bool) -> None:
    """Let workers use a paused provider again.

    A worker pauses a provider when it refuses every file: because of its key, its credit or the
    model. All workers with the same key, model and base URL stop. Fix that cause first.

    \b
    Examples:
      transcriber resume openai --dry-run
      transcriber resume openai
    """
    with connect() as connection:
        pauses = resume_provider(connection, provider, dry_run=dry_run)
    if not pauses:
        click.echo(f"{provider} is not paused")
    verb = "would resume" if dry_run else "resumed"
    for pause in pauses:
        since, reason = output.plain(pause.paused_at), output.plain(pause.reason)
        click.echo(f"{verb} {provider}, paused since {since}: {reason}")
