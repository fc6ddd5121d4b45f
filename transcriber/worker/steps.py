"""What is done with one file: downloaded and looked into ahead, transcribed in its slot."""

from __future__ import annotations

import asyncio
import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from transcriber.audio import download
from transcriber.audio import probe as audio
from transcriber.core.verdicts import Throttled
from transcriber.providers.pace import Pace
from transcriber.queue.jobs import Result

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from transcriber.audio.networks import Networks
    from transcriber.providers import Provider, Session, Transcript
    from transcriber.queue.jobs import Job
    from transcriber.worker.flight import Confirm, Perform, Prepare

# how long a throttled file waits where the provider does not say, and at the most
THROTTLE_SECONDS = 1.0
LONGEST_THROTTLE_SECONDS = 120.0


@dataclass(frozen=True)
class Recording:
    """A file that is here, and has sound in it."""

    downloaded: download.Download
    info: audio.AudioInfo
    began: float

    def close(self) -> None:
        """Give its disk space back."""
        self.downloaded.file.close()


class Transcription:
    """The two steps, for as many preparers and slots as there are."""

    def __init__(
        self, provider: Provider, *, slots: int, networks: Networks, language: str | None
    ) -> None:
        """Take the provider, the networks that downloads may reach, and the calls' language."""
        self._provider = provider
        self._networks = networks
        self._language = language
        self._pace = Pace(slots)
        self._ssl_context = download.new_ssl_context()
        # one thread looks into files: several fight over the interpreter's lock, packet by packet,
        # and everything else waits for them
        self._prober = ThreadPoolExecutor(1)

    @asynccontextmanager
    async def preparer(self) -> AsyncIterator[Prepare]:
        """Open a connection of the preparer's own: a shared pool scans all of them per request."""
        async with download.client(self._networks, self._ssl_context) as client:

            async def prepare(job: Job) -> Recording:
                began = time.monotonic()
                downloaded = await download.fetch(client, job.url, download.DownloadLimits())
                try:
                    info = await asyncio.get_running_loop().run_in_executor(
                        self._prober, audio.probe, downloaded.file
                    )
                except BaseException:
                    downloaded.file.close()
                    raise
                return Recording(downloaded, info, began)

            yield prepare

    @asynccontextmanager
    async def performer(self) -> AsyncIterator[Perform]:
        """Open a line of the slot's own to the provider."""
        session = self._provider.session()
        try:

            async def perform(job: Job, recording: Recording, confirm: Confirm) -> Result:
                transcript = await self._transcribe(session, recording, confirm)
                return Result(
                    job,
                    transcript,
                    audio=recording.info,
                    content_sha256=recording.downloaded.sha256,
                    file_size_bytes=recording.downloaded.size_bytes,
                    seconds=time.monotonic() - recording.began,
                )

            yield perform
        finally:
            await session.close()

    async def _transcribe(
        self, session: Session, recording: Recording, confirm: Confirm
    ) -> Transcript:
        """Ask the provider, as often as it answers "later"."""
        file = recording.downloaded.file
        patience = THROTTLE_SECONDS
        while True:
            async with self._pace.request():
                await confirm()
                file.seek(0)
                try:
                    transcript = await session.transcribe(file, recording.info, self._language)
                except Throttled as throttled:
                    self._pace.throttled()
                    asked = throttled.retry_after if throttled.retry_after is not None else patience
                else:
                    self._pace.accepted(transcript.rate_limit)
                    return transcript
            patience *= 2
            # later than asked, and each at another moment, or all would come back at once
            await asyncio.sleep(
                min(asked, LONGEST_THROTTLE_SECONDS) * random.uniform(1, 1.5)  # noqa: S311
            )
