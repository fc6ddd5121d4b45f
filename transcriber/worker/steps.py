"""What is done with one file: it is prepared (downloaded, looked into), then transcribed."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from transcriber.audio import download
from transcriber.audio.limits import DownloadLimits
from transcriber.core.verdicts import FileFailure, Suspect, Throttled
from transcriber.providers import Upload
from transcriber.providers.pace import Pace
from transcriber.queue.jobs import Completion

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from transcriber.audio.networks import Networks
    from transcriber.audio.probe_process import ProbeProcess
    from transcriber.audio.probing import AudioInfo
    from transcriber.core.transcript import Transcript
    from transcriber.providers import Provider, Session
    from transcriber.providers.catalogue import Price
    from transcriber.queue.jobs import Job

    Confirm = Callable[[], Awaitable[None]]
    Prepare = Callable[[Job], Awaitable[Any]]
    Transcribe = Callable[[Job, Any, Confirm], Awaitable[Completion]]

# How long a throttled file waits where the provider does not say, and at most.
THROTTLE_SECONDS = 1.0
LONGEST_THROTTLE_SECONDS = 120.0
# A provider that refuses every request for this long is away.
LONGEST_REFUSAL_SECONDS = 600.0


class Work(Protocol):
    """What is done with a file, in two steps; both may raise a `FileFailure`."""

    def preparer(self) -> AbstractAsyncContextManager[Prepare]:
        """Open what one preparer needs; it does what is free and slow."""

    def transcriber(self) -> AbstractAsyncContextManager[Transcribe]:
        """Open what one slot needs; it does what is paid for, after it has confirmed the claim."""


@dataclass(frozen=True)
class PreparedFile:
    """A file that is here, and has sound in it."""

    downloaded: download.Download
    info: AudioInfo
    began: float

    def close(self) -> None:
        """Give its disk space back."""
        self.downloaded.file.close()

    def upload(self) -> Upload:
        """Return the file as a provider takes it, at its start."""
        self.downloaded.file.seek(0)
        return Upload(
            self.downloaded.file,
            f"recording.{self.info.suffix}",
            self.info.media_type,
            self.info.duration_seconds,
        )


class Steps:
    """The two steps, for as many preparers and slots as there are."""

    def __init__(
        self,
        provider: Provider,
        *,
        slots: int,
        networks: Networks,
        probe_process: ProbeProcess,
        language: str | None,
        price: Price | None,
    ) -> None:
        """Take the provider and its price, where to download and to probe, the calls' language."""
        self._provider = provider
        self._networks = networks
        self._language = language
        self._price = price
        self._pace = Pace(slots)
        self._ssl_context = download.new_ssl_context()
        self._probe_process = probe_process

    @asynccontextmanager
    async def preparer(self) -> AsyncIterator[Prepare]:
        """Open a connection of one's own, because a shared pool scans all of them per request."""
        async with download.client(self._networks, self._ssl_context) as client:

            async def prepare(job: Job) -> PreparedFile:
                began = time.monotonic()
                downloaded = await download.fetch(client, job.url, DownloadLimits())
                try:
                    info = await self._probe_process.probe(downloaded.file)
                except BaseException:
                    downloaded.file.close()
                    raise
                return PreparedFile(downloaded, info, began)

            yield prepare

    @asynccontextmanager
    async def transcriber(self) -> AsyncIterator[Transcribe]:
        """Open a slot's own line to the provider."""
        session = self._provider.session()

        async def transcribe(job: Job, file: PreparedFile, confirm: Confirm) -> Completion:
            transcript = await self._ask(session, file, confirm)
            audio_seconds = file.info.duration_seconds
            return Completion(
                job,
                transcript,
                audio=asdict(file.info),
                audio_seconds=audio_seconds,
                content_sha256=file.downloaded.sha256,
                file_size_bytes=file.downloaded.size_bytes,
                seconds=time.monotonic() - file.began,
                cost=self._price.of(transcript.usage, audio_seconds) if self._price else None,
            )

        try:
            yield transcribe
        finally:
            await session.close()

    async def _ask(self, session: Session, file: PreparedFile, confirm: Confirm) -> Transcript:
        """Ask the provider, as often as it answers "later"."""
        patience = THROTTLE_SECONDS
        while True:
            async with self._pace.request():
                await confirm()
                try:
                    transcript = await session.transcribe(file.upload(), self._language)
                except Throttled as throttled:
                    self._pace.throttled()
                    if self._pace.seconds_without_success > LONGEST_REFUSAL_SECONDS:
                        reason = "the provider has asked for fewer requests for ten minutes"
                        raise FileFailure(
                            reason, permanent=False, code=429, suspect=Suspect.SERVICE
                        ) from None
                    asked = throttled.retry_after if throttled.retry_after is not None else patience
                else:
                    self._pace.accepted(transcript.rate_limit)
                    return transcript
            patience *= 2
            # Later than asked, and each file at another moment: else all would come back at once.
            await asyncio.sleep(
                min(asked, LONGEST_THROTTLE_SECONDS) * random.uniform(1, 1.5)  # noqa: S311
            )
