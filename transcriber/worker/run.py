"""`transcriber run`: from the options to a worker, a summary and an exit code."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import click

from transcriber import providers
from transcriber.core.errors import TranscriberError
from transcriber.db.connect import open_pool
from transcriber.queue.claims import Queue
from transcriber.worker.flight import Limits
from transcriber.worker.outcome import Outcome, Progress, progress_of

if TYPE_CHECKING:
    from transcriber.audio.networks import Networks
    from transcriber.queue.jobs import Choice
    from transcriber.worker.worker import Worker


@dataclass(frozen=True)
class Options:
    """The options of `transcriber run`; times in seconds."""

    provider: str
    model: str | None
    language: str | None
    choice: Choice
    limit: int | None
    max_minutes: float | None
    concurrency: int | None
    allowed_networks: Networks
    claim_ttl: float
    cooldown: float
    max_attempts: int
    grace: float
    watch: bool
    log_format: str
    as_json: bool


@dataclass
class Stop:
    """A person's or a supervisor's wish to end, by signal: first gently, then at once."""

    signals: list[int] = field(default_factory=list)
    worker: Worker | None = None

    def listen(self) -> None:
        """Hear signals from now on, in the task that they end."""
        task = asyncio.current_task()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self.hear, number, task)

    def hear(self, number: int, task: asyncio.Task[None] | None) -> None:
        """Act on a signal."""
        self.signals.append(number)
        if self.worker and len(self.signals) == 1:
            self.worker.stop()
        elif task:
            task.cancel()


def run(options: Options) -> int:
    """Transcribe what is pending; return 0, or 1 when files failed, or 128 + signal."""
    provider = providers.choose(options.provider, options.model)
    began = time.monotonic()
    outcome, stop = Outcome(), Stop()
    try:
        asyncio.run(_work(options, provider, outcome, stop))
    except asyncio.CancelledError:
        pass
    except TranscriberError:
        if outcome.files:
            _print_summary(outcome, time.monotonic() - began, as_json=options.as_json)
        raise
    if stop.signals:
        click.echo("Stopped: claims are released, the next run goes on.", err=True)
    _print_summary(outcome, time.monotonic() - began, as_json=options.as_json)
    if stop.signals:
        return 128 + stop.signals[0]
    return 1 if outcome.failed else 0


async def _work(
    options: Options, provider: providers.ProviderChoice, outcome: Outcome, stop: Stop
) -> None:
    stop.listen()
    async with open_pool() as pool:
        queue = Queue(
            pool, provider=provider, claim_ttl=options.claim_ttl, choice=options.choice,
            on_outage=Progress(outcome, provider).outage,
        )  # fmt: skip
        await queue.enqueue()
        pending = await queue.count_pending()
        if options.limit is not None:
            pending = replace(pending, files=min(pending.files, options.limit))
        if pending.files == 0 and not options.watch:
            return
        slots = options.concurrency or provider.default_concurrency
        if not options.watch:
            slots = min(slots, pending.files)
        from transcriber.worker.steps import Transcription  # noqa: PLC0415 (slow to import)
        from transcriber.worker.worker import Worker  # noqa: PLC0415

        work = Transcription(
            provider.connect(slots), slots=slots, networks=options.allowed_networks,
            language=options.language,
        )  # fmt: skip
        limits = Limits(
            slots=slots,
            files=options.limit,
            seconds=options.max_minutes and 60 * options.max_minutes,
            grace=options.grace,
            max_attempts=options.max_attempts,
            cooldown=options.cooldown,
            watch=options.watch,
        )
        with progress_of(
            pending, outcome, provider, log_format=options.log_format, watch=options.watch
        ) as progress:
            stop.worker = Worker(queue, work, limits, progress)
            await stop.worker.run()


def _print_summary(outcome: Outcome, seconds: float, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(outcome.as_dict(seconds)))
    else:
        for line in outcome.lines(seconds):
            click.echo(line)
