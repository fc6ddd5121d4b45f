"""`transcriber run`: from the options to a worker, which signals end."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from transcriber import providers
from transcriber.core.errors import TranscriberError
from transcriber.db.connect import open_pool
from transcriber.queue.claims import Claims
from transcriber.queue.outages import Outages
from transcriber.queue.statement import Statements
from transcriber.queue.upkeep import Upkeep
from transcriber.worker.outcome import LeftOver, Started

if TYPE_CHECKING:
    from transcriber.providers import ChosenProvider
    from transcriber.worker.options import RunOptions
    from transcriber.worker.outcome import Listener
    from transcriber.worker.worker import Worker

# A slot has a connection to the vault, one to the provider, its own file and half of one ahead.
FILES_PER_SLOT, FILES_BESIDE = 4, 64


@dataclass
class Stop:
    """A person's or a supervisor's wish to end, by signal: first gently, then at once."""

    signals: list[int] = field(default_factory=list)
    worker: Worker | None = None

    def listen(self) -> None:
        """Hear signals from now on, in the task that they end."""
        task = asyncio.current_task()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self.hear, number, task)

    def hear(self, number: int, task: asyncio.Task[None] | None) -> None:
        """Act on a signal."""
        self.signals.append(number)
        if self.worker and len(self.signals) == 1:
            self.worker.stop()
        elif task:
            task.cancel()


def run(options: RunOptions, listener: Listener) -> int | None:
    """Transcribe what is pending; return the number of the signal that ended it, if one did."""
    provider = providers.choose(options.provider, options.model)
    stop = Stop()
    with contextlib.suppress(asyncio.CancelledError):  # A second signal cancels the work.
        asyncio.run(_work(options, provider, listener, stop))
    return stop.signals[0] if stop.signals else None


def _allow_open_files(slots: int) -> None:
    """Raise this process's limit of open files as far as so many slots need it."""
    needed = FILES_PER_SLOT * slots + FILES_BESIDE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise TranscriberError(
            f"--concurrency {slots} needs {needed} open files, and this system allows {hard}:"
            " raise the hard limit (ulimit -Hn), or use fewer"
        )
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


async def _work(
    options: RunOptions, provider: ChosenProvider, listener: Listener, stop: Stop
) -> None:
    stop.listen()
    limits = options.limits
    async with open_pool() as pool:
        statements = Statements(pool, listener)
        upkeep = Upkeep(statements)
        await upkeep.enqueue()
        pending = await upkeep.count_pending(options.selection)
        if limits.files is not None:
            pending = replace(pending, files=min(pending.files, limits.files))
        if pending.files == 0 and options.selection.campaign is not None:
            await upkeep.check_campaign(options.selection.campaign)
        if pending.files == 0 and not limits.watch:
            listener(LeftOver(**await upkeep.count_held_back()))
            return
        slots = limits.slots or provider.default_concurrency
        if not limits.watch:
            slots = min(slots, pending.files)
        _allow_open_files(slots)
        # These take long to import, and most runs after a refresh find nothing to do.
        from transcriber.audio.probe_process import ProbeProcess  # noqa: PLC0415
        from transcriber.providers.catalogue import price_of  # noqa: PLC0415
        from transcriber.worker.steps import Steps  # noqa: PLC0415
        from transcriber.worker.worker import Worker  # noqa: PLC0415

        with ProbeProcess() as probe_process:
            stop.worker = Worker(
                Claims(
                    statements, provider=provider, claim_ttl=options.claim_ttl,
                    selection=options.selection, max_attempts=options.retry_policy.max_attempts,
                ),
                upkeep,
                Outages(statements, provider.paused_as),
                Steps(
                    provider.connect(slots), slots=slots, networks=options.allowed_networks,
                    probe_process=probe_process,
                    language=options.language, price=price_of(provider.name, provider.model),
                ),
                slots=slots,
                limits=limits,
                retry_policy=options.retry_policy,
                listener=listener,
            )  # fmt: skip
            listener(Started(pending.files, pending.audio_seconds))
            await stop.worker.run()
        listener(LeftOver(**await upkeep.count_held_back()))
