"""Real speech as a telephone system stores it: 8 kHz mp3, from the clips in tests/data/speech."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np

from tests.support import DATA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

CLIPS = DATA / "speech"
SAMPLE_RATE = 8000
BIT_RATE = 32_000

# The words of each clip, from tests/data/speech/README.md.
WORDS = {
    "librivox_0870": "and mister john dashwood had then leisure to consider how much there might be"
    " prudently in his power to do for them",
    "librivox_0880": "he was not an ill disposed young man",
    "librivox_0890": "unless to be rather cold hearted and rather selfish is to be ill disposed",
    "librivox_0920": "had he married a more amiable woman he might have been made still more"
    " respectable than he was",
    "librivox_0930": "he might even have been made amiable himself",
    "jfk": "and so my fellow americans ask not what your country can do for you ask what you can do"
    " for your country",
}


def samples(clip: str) -> NDArray[np.int16]:
    """Return a clip as 8 kHz samples."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    with av.open(str(CLIPS / f"{clip}.wav")) as container:
        frames = [each for frame in container.decode(audio=0) for each in resampler.resample(frame)]
    frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames])


def silence(seconds: float) -> NDArray[np.int16]:
    """Return samples without sound."""
    return np.zeros(int(seconds * SAMPLE_RATE), dtype=np.int16)


def mp3(*channels: NDArray[np.int16]) -> bytes:
    """Encode one channel (mono) or two (stereo: agent left, customer right) of equal length."""
    layout = "stereo" if len(channels) == 2 else "mono"
    frame = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(np.stack(channels, axis=1).reshape(1, -1)), format="s16", layout=layout
    )
    frame.sample_rate = SAMPLE_RATE
    frame.time_base = Fraction(1, SAMPLE_RATE)
    out = io.BytesIO()
    with av.open(out, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=SAMPLE_RATE, layout=layout)
        stream.bit_rate = BIT_RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


def tagged(mp3: bytes, title: str) -> bytes:
    """Return an mp3 with a title (ID3v1): the same sound, but another file."""
    return mp3 + b"TAG" + title.encode().ljust(125, b"\0")


def conversation(agent: Sequence[str], customer: Sequence[str]) -> bytes:
    """Return a stereo call in which agent and customer speak one clip each, in turns."""
    left, right = [], []
    for ours, theirs in zip(agent, customer, strict=True):
        first, second = samples(ours), samples(theirs)
        left += [first, np.zeros_like(second)]
        right += [np.zeros_like(first), second]
    return mp3(np.concatenate(left), np.concatenate(right))
