"""`transcriber run`: from the options to a worker, a summary and an exit code."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from transcriber import providers
from transcriber.errors import TranscriberError
from transcriber.progress import Outcome, progress_of
from transcriber.queue import open_queue

if TYPE_CHECKING:
    from transcriber.networks import Networks
    from transcriber.queue import Queue


@dataclass(frozen=True)
class Options:
    """The options of `transcriber run`; times in seconds."""

    provider: str
    model: str | None
    language: str | None
    campaign: str | None
    limit: int | None
    concurrency: int | None
    allowed_networks: Networks
    claim_ttl: float
    cooldown: float
    max_attempts: int
    as_json: bool


def run(options: Options) -> int:
    """Transcribe what is pending; return 0, or 1 when files failed, or 128 + signal."""
    choice = providers.choose(options.provider, options.model)
    began = time.monotonic()
    outcome = Outcome()
    stopped_by: list[int] = []

    async def work() -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop, number, asyncio.current_task())
        async with open_queue(claim_ttl=options.claim_ttl, campaign=options.campaign) as queue:
            await _drain(queue, choice, options, outcome)

    def stop(number: int, task: asyncio.Task[None] | None) -> None:
        stopped_by.append(number)
        if task:
            task.cancel()

    try:
        asyncio.run(work())
    except asyncio.CancelledError:
        click.echo("Stopped: claims are released, the next run goes on.", err=True)
    except TranscriberError:
        if outcome.files:
            _print_summary(outcome, time.monotonic() - began, as_json=options.as_json)
        raise
    _print_summary(outcome, time.monotonic() - began, as_json=options.as_json)
    if stopped_by:
        return 128 + stopped_by[0]
    return 1 if outcome.failed else 0


async def _drain(
    queue: Queue, choice: providers.ProviderChoice, options: Options, outcome: Outcome
) -> None:
    await queue.enqueue()
    pending = await queue.count_pending()
    files = min(pending, options.limit or pending)
    if files == 0:
        return
    from transcriber.worker import Worker  # noqa: PLC0415 (slow to import: only for work)

    slots = min(options.concurrency or choice.default_concurrency, files)
    provider = choice.connect(slots)
    with progress_of(files, outcome) as progress:
        await Worker(queue, provider, options, progress).run(slots)


def _print_summary(outcome: Outcome, seconds: float, *, as_json: bool) -> None:
    failed = outcome.failed.total()
    if as_json:
        summary = {
            "completed": outcome.completed,
            "failed": failed,
            "lost": outcome.lost,
            "failures": [
                {"status": status, "reason": reason, "files": files}
                for (status, reason), files in outcome.failed.most_common()
            ],
            "audio_seconds": round(outcome.audio_seconds, 1),
            "seconds": round(seconds, 1),
        }
        click.echo(json.dumps(summary))
        return
    if not outcome.files:
        click.echo("Nothing to transcribe.")
        return
    click.echo(
        f"{outcome.completed} completed, {failed} failed;"
        f" {outcome.audio_seconds:.0f} s of sound in {seconds:.0f} s."
    )
    for (status, reason), files in outcome.failed.most_common():
        click.echo(f"  {files} {status}: {reason}")
    if outcome.lost:
        click.echo(f"  {outcome.lost} were taken over by another worker meanwhile")
