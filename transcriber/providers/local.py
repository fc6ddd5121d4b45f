"""Whisper on this machine, by faster-whisper: no key, no upload, no cost per minute."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import threading
from typing import TYPE_CHECKING, Any, BinaryIO

from transcriber.core.transcript import Transcript
from transcriber.core.verdicts import FileFailure
from transcriber.providers import ChosenProvider, ProviderUnusableError

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

    from transcriber.providers import Upload

DEFAULT_MODEL = "small"
DEFAULT_CONCURRENCY = 1  # One file already uses every core.


def choose(model: str | None) -> ChosenProvider:
    """Check that the extra is installed; the model itself is looked for when it is loaded."""
    if importlib.util.find_spec("faster_whisper") is None:
        raise ProviderUnusableError(
            "The provider local needs faster-whisper: install this package with the extra `local`."
        )
    model = model or DEFAULT_MODEL
    return ChosenProvider(
        name="local",
        stored_as="faster-whisper",
        model=os.path.basename(os.path.normpath(model)),  # noqa: PTH119 (a name, or a path)
        connect=lambda slots: LocalProvider(model, slots),
        default_concurrency=DEFAULT_CONCURRENCY,
    )


class LocalProvider:
    """A loaded model, shared by all slots."""

    def __init__(self, model: str, concurrency: int) -> None:
        """Load a model by name or from a folder; int8 needs a quarter of the memory on a CPU."""
        import ctranslate2  # noqa: PLC0415 (slow to import)
        from faster_whisper import WhisperModel  # noqa: PLC0415

        has_gpu = ctranslate2.get_cuda_device_count() > 0
        try:
            self._whisper = WhisperModel(
                model,
                compute_type="float16" if has_gpu else "int8",
                cpu_threads=max(1, (os.cpu_count() or 1) // concurrency),
                num_workers=concurrency,
            )
        except (OSError, RuntimeError, ValueError) as error:
            raise ProviderUnusableError(
                f"Cannot load the model {model}: name one that faster-whisper knows, or a folder"
                f" that holds one ({type(error).__name__})."
            ) from error

    def session(self) -> LocalSession:
        """Share the model with a slot."""
        return LocalSession(self._whisper)


class LocalSession:
    """One slot's use of the model, in a thread that ends soon after its slot is cancelled."""

    def __init__(self, whisper: WhisperModel) -> None:
        """Take the shared model."""
        self._whisper = whisper

    async def close(self) -> None:
        """Leave the model to the other slots."""

    async def transcribe(self, upload: Upload, language: str | None) -> Transcript:
        """Transcribe in a thread: the engine computes without the interpreter's lock."""
        cancelled = threading.Event()
        work = asyncio.to_thread(_transcribe, self._whisper, upload.file, language, cancelled)
        try:
            return await work
        except asyncio.CancelledError:
            cancelled.set()
            raise


def _transcribe(
    whisper: WhisperModel, file: BinaryIO, language: str | None, cancelled: threading.Event
) -> Transcript:
    segments: list[dict[str, Any]] = []
    try:
        # Without voice detection whisper invents sentences over silence and hold music.
        found, info = whisper.transcribe(
            file, language=language, vad_filter=True, word_timestamps=True
        )
        for segment in found:  # The engine computes 30 seconds of sound at a time.
            if cancelled.is_set():
                raise FileFailure("cancelled", permanent=False)
            segments.append(
                {
                    "start": segment.start,
                    "end": segment.end,
                    "text": segment.text.strip(),
                    "words": [
                        {"start": word.start, "end": word.end, "word": word.word.strip()}
                        for word in segment.words or []
                    ],
                }
            )
    except (OSError, RuntimeError, ValueError, MemoryError) as error:
        reason = f"the model failed ({type(error).__name__})"
        raise FileFailure(reason, permanent=False) from error
    return Transcript(
        text=" ".join(segment["text"] for segment in segments),
        language=info.language,
        segments=segments,
        raw={"duration": info.duration, "duration_after_vad": info.duration_after_vad},
    )
