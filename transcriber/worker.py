"""The worker: claim -> download -> transcribe -> write back, in as many slots as it is given.

All state is in Postgres. A worker may die at any moment: its claims expire, and others take over.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from dataclasses import asdict
from typing import TYPE_CHECKING, BinaryIO

import psycopg

from transcriber import audio, download
from transcriber.errors import TranscriberError
from transcriber.failures import FileFailure, Throttled

if TYPE_CHECKING:
    import ssl

    import httpx2

    from transcriber.audio import AudioInfo
    from transcriber.progress import Progress
    from transcriber.providers import Provider, Session, Transcript
    from transcriber.queue import Job, Queue
    from transcriber.run import Options

# how long a throttled file waits where the provider does not say, and at the most
THROTTLE_SECONDS = 1.0
LONGEST_THROTTLE_SECONDS = 120.0


class Worker:
    """One process's share of the work."""

    def __init__(
        self, queue: Queue, provider: Provider, options: Options, progress: Progress
    ) -> None:
        """Take what is opened and loaded already."""
        self._queue = queue
        self._provider = provider
        self._options = options
        self._progress = progress
        self._claiming = asyncio.Lock()
        self._claimed = 0
        self._ready: deque[Job] = deque()
        self._held: dict[int, Job] = {}
        self._running: dict[int, asyncio.Task[None]] = {}

    async def run(self, slots: int) -> None:
        """Work in that many slots until nothing is pending. No claim of ours stays behind."""
        ssl_context = download.new_ssl_context()
        try:
            async with asyncio.TaskGroup() as group:
                renewer = group.create_task(self._renew_claims())
                work = [group.create_task(self._work(slots, ssl_context)) for _ in range(slots)]
                await asyncio.wait(work)
                renewer.cancel()
        except* TranscriberError as errors:
            raise errors.exceptions[0] from None
        finally:
            await self._queue.release_all()

    async def _work(self, slots: int, ssl_context: ssl.SSLContext) -> None:
        """Be one slot: do file after file, over connections of its own."""
        session = self._provider.session()
        try:
            async with download.client(self._options.allowed_networks, ssl_context) as client:
                while job := await self._next_job(slots):
                    # a task of its own: a lost claim ends the file, not the slot
                    task = asyncio.create_task(self._process(job, client, session))
                    self._running[job.audio_file_id] = task
                    try:
                        await task
                    except asyncio.CancelledError:
                        if (slot := asyncio.current_task()) and slot.cancelling():
                            raise
                    finally:
                        self._forget(job)
        finally:
            await session.close()

    async def _next_job(self, batch: int) -> Job | None:
        async with self._claiming:
            while not self._ready:
                if self._options.limit is not None:
                    batch = min(batch, self._options.limit - self._claimed)
                if batch == 0:
                    return None
                jobs, any_pending = await self._queue.claim(batch)
                if not any_pending:
                    return None
                if not jobs:  # others were quicker
                    await asyncio.sleep(random.uniform(0.01, 0.05))  # noqa: S311 (jitter)
                self._claimed += len(jobs)
                self._ready.extend(jobs)
                self._held.update((job.audio_file_id, job) for job in jobs)
            return self._ready.popleft()

    async def _process(self, job: Job, client: httpx2.AsyncClient, session: Session) -> None:
        """Do one file; whatever is wrong with it is recorded and ends here."""
        began = time.monotonic()
        try:
            seconds = await self._transcribe_and_store(job, client, session)
        except FileFailure as failure:
            await self._record(job, failure)
        except (TranscriberError, psycopg.Error):
            raise
        except Exception as error:  # noqa: BLE001 (one bad file never stops a batch)
            reason = f"unexpected {type(error).__name__}"
            await self._record(job, FileFailure(reason, permanent=False))
        else:
            if seconds is None:
                self._progress.lost(job)
            else:
                self._progress.completed(job, seconds, time.monotonic() - began)

    async def _transcribe_and_store(
        self, job: Job, client: httpx2.AsyncClient, session: Session
    ) -> float | None:
        """Return the seconds of sound transcribed, None when the file was no longer ours."""
        downloaded = await download.fetch(client, job.url, download.Limits())
        with downloaded.file as file:
            info = await asyncio.to_thread(audio.probe, file)
            transcript = await self._transcribe(file, info, session)
        is_ours = await self._queue.complete(
            job,
            transcript,
            provider=self._provider.name,
            model=self._provider.model,
            metadata={
                "audio": asdict(info),
                "language": transcript.language,
                "usage": transcript.usage,
                "worker": self._queue.worker,
            },
            content_sha256=downloaded.sha256,
            file_size_bytes=downloaded.size_bytes,
        )
        return info.duration_seconds if is_ours else None

    async def _transcribe(self, file: BinaryIO, info: AudioInfo, session: Session) -> Transcript:
        """Ask the provider, as often as it answers "later"."""
        patience = THROTTLE_SECONDS
        while True:
            file.seek(0)
            try:
                return await session.transcribe(file, info, self._options.language)
            except Throttled as throttled:
                asked = throttled.retry_after if throttled.retry_after is not None else patience
                patience *= 2
                wait = min(asked, LONGEST_THROTTLE_SECONDS) * random.uniform(1, 1.5)  # noqa: S311
                await asyncio.sleep(wait)

    async def _record(self, job: Job, failure: FileFailure) -> None:
        status = await self._queue.fail(
            job,
            failure,
            provider=self._provider.name,
            model=self._provider.model,
            max_attempts=self._options.max_attempts,
            cooldown=self._options.cooldown,
        )
        if status is None:
            self._progress.lost(job)
        else:
            self._progress.failed(job, status, str(failure))

    async def _renew_claims(self) -> None:
        """Prolong every claim held, at a third of its life; stop work on those that are lost."""
        while True:
            await asyncio.sleep(self._queue.claim_ttl / 3)
            jobs = list(self._held.values())
            if not jobs:
                continue
            try:
                kept = await self._queue.renew(jobs)
            except psycopg.OperationalError:
                continue  # two more tries before the claims expire
            for job in jobs:
                if job.audio_file_id not in kept and self._held.get(job.audio_file_id) is job:
                    self._lose(job)

    def _lose(self, job: Job) -> None:
        self._progress.lost(job)
        if task := self._running.get(job.audio_file_id):
            task.cancel()
        else:
            self._ready.remove(job)
            self._forget(job)

    def _forget(self, job: Job) -> None:
        self._held.pop(job.audio_file_id, None)
        self._running.pop(job.audio_file_id, None)
