"""The operator's commands: status, failures, retry, release, resume."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from transcriber.cli.options import option

if TYPE_CHECKING:
    from collections.abc import Iterable

SHOWN = 20

# operations and reports are imported where they are used: `transcriber run` stays quick to start

campaign = option("campaign", help="Only the files of this campaign_name.")
as_json = option("json", "as_json", is_flag=True, help="Print JSON.")
dry_run = option("dry-run", is_flag=True, help="Say what would be done, and change nothing.")


@click.command()
@as_json
def status(*, as_json: bool) -> None:
    """Show where the queue stands and when it will be empty.

    The ETA is that of all files that need no person, at the speed of the last ten minutes. Hours of
    sound are those measured of what is completed, those of the catalogue of what is left.
    """
    from transcriber.cli import output as operator_report  # noqa: PLC0415
    from transcriber.operate import failures as operations  # noqa: PLC0415
    from transcriber.operate.status import read_status  # noqa: PLC0415

    with operations.connect() as connection:
        found = read_status(connection)
    _print([operator_report.as_json(found)] if as_json else operator_report.status_lines(found))


@click.command()
@option("summary", is_flag=True, help="Count all by status, code and reason.")
@option("status", type=click.Choice(["transient", "permanent"]), help="Only these.")
@campaign
@option("limit", type=click.IntRange(min=1), default=SHOWN, show_default=True, help="So many rows.")
@as_json
def failures(
    *, summary: bool, status: str | None, campaign: str | None, limit: int, as_json: bool
) -> None:
    """List the files that failed, the newest first.

    A transient failure is tried again when its cooldown is over, a permanent one after `transcriber
    retry`.
    """
    from transcriber.cli import output as operator_report  # noqa: PLC0415
    from transcriber.operate import failures as operations  # noqa: PLC0415

    choice = operations.Choice(statuses=[status] if status else None, campaign=campaign)
    found: list[operations.Failure] | list[operations.Reason]
    with operations.connect() as connection:
        if summary:
            found = operations.count_reasons(connection, choice)
            lines = operator_report.reason_lines(found)
        else:
            found = operations.failures(connection, choice, limit=limit)
            lines = operator_report.failure_lines(found)
    if as_json:
        click.echo(operator_report.as_json({"reasons" if summary else "failures": found}))
        return
    _print(lines if found else ["No failures."])
    if not summary and len(found) == limit:
        click.echo(f"The newest {limit:,}: --limit shows more, --summary counts all.")


@click.command()
@option("transient", is_flag=True, help="Those that cool down, without waiting for the end of it.")
@option("permanent", is_flag=True, help="Those that failed for good.")
@option("error", metavar="TEXT", help="Those whose recorded reason has this in it, in any case.")
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

    They take their old places there, with all their attempts before them. IDS are those that
    `transcriber failures` shows. All that is given must hold; --transient and --permanent together
    stand for any failure. Files that a worker holds are left alone.
    """
    from transcriber.cli import output as operator_report  # noqa: PLC0415
    from transcriber.operate import failures as operations  # noqa: PLC0415

    if not (transient or permanent or error or campaign or ids):
        raise click.UsageError(
            "Choose what to retry: --transient, --permanent, --error TEXT, --campaign NAME or ids."
        )
    flags = {"transient": transient, "permanent": permanent}
    statuses = [name for name, is_chosen in flags.items() if is_chosen]
    choice = operations.Choice(statuses or None, error or None, campaign or None, [*ids] or None)
    with operations.connect() as connection:
        found = operations.failures(connection, choice)
        free = [failure for failure in found if not failure.is_claimed]
        retried = len(free) if dry_run else operations.retry(connection, free)
    if dry_run and free:
        _print(operator_report.failure_lines(free[:SHOWN]))
        if len(free) > SHOWN:
            click.echo(f"… and {len(free) - SHOWN:,} more")
    click.echo(f"{_would(dry_run, 'retry', 'retried')} {_files(retried)}")
    if len(found) > retried:
        click.echo(f"left alone {_files(len(found) - retried)} that a worker holds")


@click.command()
@option("expired", is_flag=True, help="Claims whose time is over.")
@option("worker", metavar="NAME", help="Claims of this worker; host:pid or host stand for it, too.")
@dry_run
def release(*, expired: bool, worker: str | None, dry_run: bool) -> None:
    """Take claims away from workers that are gone.

    Others then need not wait for the expiry. `transcriber status` shows the names. What a worker
    that lives was about to pay for, another may then pay for, too.
    """
    from transcriber.cli import output as operator_report  # noqa: PLC0415
    from transcriber.operate import failures as operations  # noqa: PLC0415

    if not (expired or worker):
        raise click.UsageError("Choose what to release: --expired or --worker NAME.")
    with operations.connect() as connection:
        released = operations.release(
            connection, expired=expired, worker=worker or None, dry_run=dry_run
        )
    verb = _would(dry_run, "release", "released")
    for each in released:
        click.echo(f"{verb} {_files(each.files)} of {operator_report.plain(each.worker)}")
    click.echo(f"{verb} {_files(sum(each.files for each in released))}")


@click.command()
@dry_run
@click.argument("provider", metavar="PROVIDER", type=click.Choice(["openai", "local"]))
def resume(*, provider: str, dry_run: bool) -> None:
    """Lift a provider's pause.

    Do it when what the provider refused (key, credit, model) is mended; PROVIDER is openai or
    local.
    """
    from transcriber.cli import output as operator_report  # noqa: PLC0415
    from transcriber.operate import failures as operations  # noqa: PLC0415

    with operations.connect() as connection:
        pause = operations.resume(connection, provider, dry_run=dry_run)
    if pause is None:
        click.echo(f"{provider} is not paused")
    else:
        since = operator_report.plain(pause.paused_at)
        reason = operator_report.plain(pause.reason)
        verb = _would(dry_run, "resume", "resumed")
        click.echo(f"{verb} {provider}, paused since {since}: {reason}")


COMMANDS = (status, failures, retry, release, resume)


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


def _would(dry_run: bool, do: str, done: str) -> str:  # noqa: FBT001 (a word, not a switch)
    return f"would {do}" if dry_run else done


def _files(count: int) -> str:
    return f"{count:,} file{'' if count == 1 else 's'}"
