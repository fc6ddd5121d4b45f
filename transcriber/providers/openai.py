"""Any server that speaks OpenAI's transcription API: OPENAI_API_KEY and OPENAI_BASE_URL."""

from __future__ import annotations

import json
import os
import ssl
from typing import TYPE_CHECKING, Any

from transcriber.core.http import rate_limit
from transcriber.core.transcript import Transcript
from transcriber.core.verdicts import FileFailure
from transcriber.providers import ChosenProvider, ProviderUnusableError
from transcriber.providers.http_answers import failure_of

if TYPE_CHECKING:
    from transcriber.core.http import RateLimit
    from transcriber.providers import Upload

KEY_VARIABLE = "OPENAI_API_KEY"

DEFAULT_MODEL = "gpt-transcribe"
DEFAULT_CONCURRENCY = 8

# A hosted model answers faster than real time; a small server of one's own may not.
BASE_TIMEOUT_SECONDS = 60.0
CONNECT_TIMEOUT_SECONDS = 10.0


def choose(model: str | None) -> ChosenProvider:
    """Check that there is a key; which model exists is for the server to say."""
    if not os.environ.get(KEY_VARIABLE):
        raise ProviderUnusableError(
            f"Set {KEY_VARIABLE} (any word, where the server at OPENAI_BASE_URL asks for none)."
        )
    model = model or DEFAULT_MODEL
    return ChosenProvider(
        name="openai",
        stored_as="OpenAI",
        model=model,
        connect=lambda _slots: OpenAIProvider(model),
        default_concurrency=DEFAULT_CONCURRENCY,
    )


class OpenAIProvider:
    """Transcription by HTTP."""

    def __init__(self, model: str) -> None:
        """Take the model's name; connections are opened by the first request."""
        self._model = model
        self._ssl_context = ssl.create_default_context()

    def session(self) -> OpenAISession:
        """Open a client of the slot's own: a shared pool scans all connections per request."""
        return OpenAISession(self._model, self._ssl_context)


class OpenAISession:
    """One client with one connection."""

    def __init__(self, model: str, ssl_context: ssl.SSLContext) -> None:
        """Build the client; the SDK's own retries are off, since they would sleep in the slot."""
        import httpx2  # noqa: PLC0415 (slow to import)
        import openai  # noqa: PLC0415

        self._model = model
        self._client = openai.AsyncOpenAI(
            max_retries=0, http_client=httpx2.AsyncClient(verify=ssl_context)
        )

    async def close(self) -> None:
        """Close the connection."""
        await self._client.close()

    async def transcribe(self, upload: Upload, language: str | None) -> Transcript:
        """Upload the file and read any kind of answer."""
        import httpx2  # noqa: PLC0415
        import openai  # noqa: PLC0415

        parameters: dict[str, Any] = _response_parameters(self._model)
        if language is not None:
            parameters["language"] = language
        timeout = httpx2.Timeout(
            BASE_TIMEOUT_SECONDS + upload.seconds, connect=CONNECT_TIMEOUT_SECONDS
        )
        try:
            response = await self._client.audio.transcriptions.with_raw_response.create(
                model=self._model,
                # An open file is streamed; the SDK would hold bytes or a path in memory.
                file=(upload.name, upload.file, upload.media_type),
                timeout=timeout,
                **parameters,
            )
            answer = response.parse()
        except openai.APIStatusError as error:
            raise failure_of(
                error.status_code, error.code, error.response.headers, key_variable=KEY_VARIABLE
            ) from error
        except openai.APITimeoutError as error:
            raise FileFailure("the provider did not answer in time", permanent=False) from error
        except (openai.APIError, json.JSONDecodeError) as error:
            reason = f"no usable answer from the provider ({type(error).__name__})"
            raise FileFailure(reason, permanent=False) from error
        return _transcript(answer, rate_limit(response.headers))


def _response_parameters(model: str) -> dict[str, Any]:
    """Return the richest answer that the model gives; each family knows other formats."""
    if "diarize" in model:
        return {"response_format": "diarized_json", "chunking_strategy": "auto"}
    if "whisper" in model:
        return {
            "response_format": "verbose_json",
            "timestamp_granularities": ["segment", "word"],
        }
    return {"response_format": "json"}


def _transcript(answer: object, limit: RateLimit | None) -> Transcript:
    """Check the answer: a portal's HTML arrives as `str`, a cut one without its text."""
    text = getattr(answer, "text", None)
    if not isinstance(text, str):
        raise FileFailure("the provider's answer holds no transcript", permanent=False)
    raw: dict[str, Any] = answer.model_dump(mode="json", exclude_unset=True)  # type: ignore[attr-defined]
    found = raw.get("segments") or []
    turns = [_pick(segment, "start", "end", "speaker") for segment in found]
    codes = [language["code"] for language in raw.get("languages") or []]
    return Transcript(
        text=text,
        language=raw.get("language") or next(iter(codes), None),
        segments=[_pick(segment, "start", "end", "text") for segment in found] or None,
        diarization=[turn for turn in turns if turn["speaker"] is not None] or None,
        usage=raw.get("usage"),
        raw=raw,
        rate_limit=limit,
    )


def _pick(segment: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: segment.get(key) for key in keys}
