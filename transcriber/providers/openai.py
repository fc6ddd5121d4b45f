"""Any server that speaks OpenAI's transcription API: OPENAI_API_KEY and OPENAI_BASE_URL."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import ssl
from typing import TYPE_CHECKING, Any

from transcriber.core.http import rate_limit
from transcriber.core.verdicts import FileFailure, Suspect
from transcriber.providers import ChosenProvider, ProviderUnusableError
from transcriber.providers.http_answers import failure_of
from transcriber.providers.openai_answers import transcript_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from transcriber.core.transcript import Transcript
    from transcriber.providers import Upload

KEY_VARIABLE, BASE_URL_VARIABLE = "OPENAI_API_KEY", "OPENAI_BASE_URL"

DEFAULT_MODEL = "gpt-transcribe"
DEFAULT_CONCURRENCY = 8

# A hosted model answers faster than real time; a small server of one's own may not.
BASE_TIMEOUT_SECONDS = 60.0
CONNECT_TIMEOUT_SECONDS = 10.0

PLAIN = {"response_format": "json"}
FORMAT = re.compile("response_format|verbose_json|diarized_json|timestamp_granularities")


def choose(model: str | None) -> ChosenProvider:
    """Check the key and the base URL; which model exists is for the server to say."""
    key, base_url = os.environ.get(KEY_VARIABLE, ""), os.environ.get(BASE_URL_VARIABLE, "")
    if not key:
        raise ProviderUnusableError(
            f"Set {KEY_VARIABLE} (any word, where the server at {BASE_URL_VARIABLE} asks for none)."
        )
    if not re.fullmatch(r"[!-~]+", key):
        raise ProviderUnusableError(
            f"{KEY_VARIABLE} holds a blank or a character that no key has: set it again."
        )
    if base_url and not re.fullmatch(r"https?://[^\s/?#]+[^\s?#]*", base_url):
        raise ProviderUnusableError(
            f"{BASE_URL_VARIABLE} is no address: it begins with https:// or http:// and a host."
        )
    model = model or DEFAULT_MODEL
    account = f"{key}\n{model}\n{base_url}"
    return ChosenProvider(
        name="openai",
        stored_as="OpenAI",
        model=model,
        connect=lambda _slots: OpenAIProvider(model),
        default_concurrency=DEFAULT_CONCURRENCY,
        # It tells accounts apart, and is too short to find the key by.
        account=hashlib.sha256(account.encode()).hexdigest()[:8],
    )


class OpenAIProvider:
    """Transcription by HTTP."""

    def __init__(self, model: str) -> None:
        """Take the model's name; connections are opened by the first request."""
        self.model = model
        self.ssl_context = ssl.create_default_context()
        self.response_parameters = _richest(model)

    def session(self) -> OpenAISession:
        """Open a client of the slot's own: a shared pool scans all connections per request."""
        return OpenAISession(self)


class OpenAISession:
    """One client with one connection."""

    def __init__(self, provider: OpenAIProvider) -> None:
        """Build the client; the SDK's own retries are off, since they would sleep in the slot."""
        import openai  # noqa: PLC0415 (slow to import)

        from transcriber.providers import http_client  # noqa: PLC0415

        self._provider = provider
        self._client = openai.AsyncOpenAI(
            max_retries=0, http_client=http_client.client(provider.ssl_context)
        )

    async def close(self) -> None:
        """Close the connection."""
        await self._client.close()

    async def transcribe(self, upload: Upload, language: str | None) -> Transcript:
        """Upload the file and read any kind of answer."""
        import openai  # noqa: PLC0415

        asked = self._provider.response_parameters
        try:
            # The client's own time-outs are for each read. This one is for the answer as a whole.
            async with asyncio.timeout(2 * (BASE_TIMEOUT_SECONDS + upload.seconds)):
                return await self._ask(upload, language, asked)
        except openai.APIStatusError as error:
            body = error.response.text
            if asked != PLAIN and error.status_code in {400, 422} and FORMAT.search(body):
                # It refuses the richer answer: nothing was paid, and other files need not ask.
                self._provider.response_parameters = PLAIN
                upload.file.seek(0)
                return await self.transcribe(upload, language)
            raise failure_of(
                error.status_code, body, error.response.headers, key_variable=KEY_VARIABLE
            ) from error
        except (TimeoutError, openai.APITimeoutError) as error:
            reason = "the provider did not answer in time"
            raise FileFailure(reason, permanent=False, suspect=Suspect.SERVICE) from error
        except openai.APIConnectionError as error:
            reason = "no connection to the provider, or it broke"
            raise FileFailure(reason, permanent=False, suspect=Suspect.SERVICE) from error
        except openai.APIError as error:
            reason = f"no usable answer from the provider ({type(error).__name__})"
            raise FileFailure(reason, permanent=False) from error

    async def _ask(
        self, upload: Upload, language: str | None, response_parameters: Mapping[str, Any]
    ) -> Transcript:
        import httpx2  # noqa: PLC0415

        parameters = dict(response_parameters)
        if language is not None:
            parameters["language"] = language
        response = await self._client.audio.transcriptions.with_raw_response.create(
            model=self._provider.model,
            # An open file is streamed; the SDK would hold bytes or a path in memory.
            file=(upload.name, upload.file, upload.media_type),
            timeout=httpx2.Timeout(
                BASE_TIMEOUT_SECONDS + upload.seconds, connect=CONNECT_TIMEOUT_SECONDS
            ),
            **parameters,
        )
        return transcript_of(response.content, rate_limit(response.headers))


def _richest(model: str) -> dict[str, Any]:
    """Return the richest answer that the model gives; each family knows other formats."""
    if "diarize" in model:
        return {"response_format": "diarized_json", "chunking_strategy": "auto"}
    if "whisper" in model:
        return {
            "response_format": "verbose_json",
            "timestamp_granularities": ["segment", "word"],
        }
    return PLAIN
