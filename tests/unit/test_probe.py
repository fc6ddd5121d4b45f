"""A probe describes sound, whole, cut or damaged, and refuses everything else."""

from __future__ import annotations

import io
import os
import random
import tempfile
import time
from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING, Any, BinaryIO

import av
import numpy as np
import pytest

from tests.support import DATA
from transcriber.audio.probe import PACKETS_TO_TRY, probe
from transcriber.audio.probing import AudioInfo
from transcriber.core.verdicts import FileFailure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

SPEECH = DATA / "speech" / "jfk.wav"
SECONDS = 20


def tone(seconds: float = SECONDS, rate: int = 16_000, channels: int = 1) -> NDArray[np.int16]:
    """Return a tone with its channels interleaved."""
    moments = np.arange(int(seconds * rate)) / rate
    return np.repeat((8000 * np.sin(2 * np.pi * 440 * moments)).astype(np.int16), channels)


def encode(
    container: str,
    codec: str,
    samples: NDArray[np.int16] | None = None,
    *,
    rate: int = 16_000,
    layout: str = "mono",
    options: dict[str, str] | None = None,
    codec_options: dict[str, str] | None = None,
) -> bytes:
    """Return a file of the samples, or of a tone."""
    channels = 2 if layout == "stereo" else 1
    given = tone(rate=rate, channels=channels) if samples is None else samples
    frame = av.AudioFrame.from_ndarray(given.reshape(1, -1), format="s16", layout=layout)
    frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
    out = io.BytesIO()
    with av.open(out, "w", format=container, options=options or {}) as file:
        stream: Any = file.add_stream(codec, rate=rate, layout=layout, options=codec_options or {})
        resampler = av.AudioResampler(
            stream.format.name, layout, rate, stream.codec_context.frame_size or 1024
        )
        for each in [*resampler.resample(frame), *resampler.resample(None), None]:
            file.mux(stream.encode(each))
    return out.getvalue()


@contextmanager
def stored(content: bytes) -> Iterator[BinaryIO]:
    """Keep content in a file like a download's; check that the probe leaves it at its start."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        yield file
        assert file.tell() == 0


def probed(content: bytes) -> AudioInfo:
    """Return the description of content."""
    with stored(content) as file:
        return probe(file)


def failure_of(content: bytes) -> FileFailure:
    """Return the failure of content."""
    with stored(content) as file, pytest.raises(FileFailure) as caught:
        probe(file)
    return caught.value


def png() -> bytes:
    """Return a picture."""
    out = io.BytesIO()
    with av.open(out, "w", format="image2pipe") as file:
        stream: Any = file.add_stream("png", rate=1)
        stream.width = stream.height = 16
        stream.pix_fmt = "rgb24"
        picture = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
        for each in (picture, None):
            file.mux(stream.encode(each))
    return out.getvalue()


def film(*, sound_seconds: int = 0) -> bytes:
    """Return a video of 20 seconds, with sound at its beginning."""
    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as file:
        video: Any = file.add_stream("mpeg4", rate=1)
        video.width = video.height = 64
        video.pix_fmt = "yuv420p"
        if sound_seconds:
            samples = tone(sound_seconds).reshape(1, -1)
            sound: Any = file.add_stream("pcm_s16le", rate=16_000, layout="mono")
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate, frame.time_base = 16_000, Fraction(1, 16_000)
            for each in (frame, None):
                file.mux(sound.encode(each))
        for number in range(SECONDS):
            pixels = np.full((64, 64, 3), number, np.uint8)
            file.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        file.mux(video.encode(None))
    return out.getvalue()


# Container, codec and options to encode with; codec, suffix and media type that the probe finds.
FILES: dict[str, tuple[tuple[Any, ...], tuple[str, str, str]]] = {
    "mp3": (("mp3", "libmp3lame", {}), ("mp3", "mp3", "audio/mpeg")),
    "mp3 without a header": (
        ("mp3", "libmp3lame", {"write_xing": "0", "id3v2_version": "0"}),
        ("mp3", "mp3", "audio/mpeg"),
    ),
    "wav": (("wav", "pcm_s16le", {}), ("pcm_s16le", "wav", "audio/wav")),
    "wav, A-law": (("wav", "pcm_alaw", {}), ("pcm_alaw", "wav", "audio/wav")),
    "wav, mu-law": (("wav", "pcm_mulaw", {}), ("pcm_mulaw", "wav", "audio/wav")),
    "au": (("au", "pcm_mulaw", {}), ("pcm_mulaw", "au", "audio/basic")),
    "aiff": (("aiff", "pcm_s16be", {}), ("pcm_s16be", "aiff", "audio/aiff")),
    "flac": (("flac", "flac", {}), ("flac", "flac", "audio/flac")),
    "ogg": (("ogg", "libopus", {}), ("opus", "ogg", "audio/ogg")),
    "webm": (("webm", "libopus", {}), ("opus", "webm", "audio/webm")),
    "aac": (("adts", "aac", {}), ("aac", "aac", "audio/aac")),
    "m4a": (("ipod", "aac", {}), ("aac", "m4a", "audio/mp4")),
    "m4a in fragments": (
        ("ipod", "aac", {"movflags": "frag_keyframe+empty_moov"}),
        ("aac", "m4a", "audio/mp4"),
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_sound_is_described(name: str) -> None:
    (container, codec, options), (found, suffix, media_type) = FILES[name]
    rate = 48_000 if codec == "libopus" else 16_000
    info = probed(encode(container, codec, rate=rate, options=options))
    assert info.duration_seconds == pytest.approx(SECONDS, abs=0.2)
    assert info == AudioInfo(info.duration_seconds, found, rate, 1, suffix, media_type)


def test_stereo_is_seen() -> None:
    info = probed(encode("mp3", "libmp3lame", rate=8000, layout="stereo"))
    assert (info.channels, info.sample_rate) == (2, 8000)


def test_real_speech() -> None:
    with SPEECH.open("rb") as file:
        info = probe(file)
    assert (info.codec, info.sample_rate, info.channels) == ("pcm_s16le", 16_000, 1)
    assert info.duration_seconds == pytest.approx(11, abs=0.1)


def test_a_file_on_disk_is_read_by_its_content_whatever_its_name(tmp_path: Path) -> None:
    path = tmp_path / "recording.mp3"
    path.write_bytes(encode("wav", "pcm_s16le"))
    with path.open("rb") as file:
        assert probe(file).suffix == "wav"


def test_a_very_short_sound_is_sound() -> None:
    for container, codec in [("wav", "pcm_s16le"), ("mp3", "libmp3lame"), ("flac", "flac")]:
        info = probed(encode(container, codec, tone(0.05)))
        assert 0.04 < info.duration_seconds < 0.3


def test_tags_in_any_encoding() -> None:
    sound = encode("wav", "pcm_s16le")
    tag = b"INAM" + (6).to_bytes(4, "little") + b"\xcf\xf0\xe8\xe2\xff\x00"
    chunk = b"LIST" + (4 + len(tag)).to_bytes(4, "little") + b"INFO" + tag
    content = sound[:12] + chunk + sound[12:]
    assert probed(content).duration_seconds == pytest.approx(SECONDS, abs=0.1)


def test_the_sound_of_a_film_may_be_shorter_than_its_pictures() -> None:
    assert probed(film(sound_seconds=5)).duration_seconds == pytest.approx(5, abs=0.1)


# -- Files that are cut or damaged


@pytest.mark.parametrize(
    "name",
    ["mp3", "wav", "wav, A-law", "wav, mu-law", "au", "aiff", "flac", "webm", "m4a in fragments"],
)
def test_a_missing_end_is_seen(name: str) -> None:
    (container, codec, options), _ = FILES[name]
    whole = encode(container, codec, rate=48_000 if codec == "libopus" else 16_000, options=options)
    failure = failure_of(whole[: len(whole) // 2])
    assert str(failure).startswith("truncated: ")
    assert str(failure).endswith(" of 20.0 seconds are there") or "of 20.1" in str(failure)
    assert not failure.permanent
    assert probed(whole[: int(len(whole) * 0.97)]).duration_seconds > SECONDS * 0.9


@pytest.mark.parametrize("name", ["mp3 without a header", "ogg", "aac"])
def test_a_missing_end_that_no_header_tells_of_is_not_seen(name: str) -> None:
    (container, codec, options), _ = FILES[name]
    rate = 48_000 if codec == "libopus" else 16_000
    whole = encode(container, codec, rate=rate, options=options)
    info = probed(whole[: len(whole) // 2])
    assert info.duration_seconds == pytest.approx(SECONDS / 2, abs=0.5)


def test_a_length_that_ffmpeg_guessed_is_not_taken_for_a_header() -> None:
    noise = np.random.default_rng(1).integers(-9000, 9000, 30 * 16_000, dtype=np.int16)
    samples = np.concatenate([np.zeros(5 * 16_000, np.int16), noise])
    content = encode(
        "mp3",
        "libmp3lame",
        samples,
        options={"write_xing": "0"},
        codec_options={"flags": "+qscale", "global_quality": "236"},
    )
    with av.open(io.BytesIO(content), "r") as container:
        assert (container.duration or 0) > 100 * 1_000_000  # FFmpeg guesses this length.
    assert probed(content).duration_seconds == pytest.approx(35, abs=0.2)


@pytest.mark.parametrize("length", [0, 0x7FFFFFFF, 0x7FFFF024, 0xFFFFFFFF])
def test_a_length_that_a_recorder_did_not_know_yet(length: int) -> None:
    sound = encode("wav", "pcm_s16le")
    data = sound.index(b"data")
    field = length.to_bytes(4, "little")
    content = sound[:4] + field + sound[8 : data + 4] + field + sound[data + 8 :]
    assert probed(content).duration_seconds == pytest.approx(SECONDS, abs=0.1)


def test_damage_in_the_middle_does_not_spoil_a_recording() -> None:
    sound = encode("mp3", "libmp3lame")
    middle = len(sound) // 2
    content = sound[:middle] + random.Random(1).randbytes(2000) + sound[middle + 2000 :]
    assert probed(content).duration_seconds == pytest.approx(SECONDS, abs=1.5)


def test_a_page_after_the_sound_does_not_spoil_it() -> None:
    content = encode("mp3", "libmp3lame") + b"<html>" * 100
    assert probed(content).duration_seconds == pytest.approx(SECONDS, abs=0.5)


# -- Rubbish

RUBBISH = {
    "nothing": b"",
    "one byte": b"\x00",
    "zero bytes": bytes(100_000),
    "ones": b"\xff" * 100_000,
    "random bytes": random.Random(1).randbytes(100_000),
    "an HTML page": b"<!DOCTYPE html><html><body>Please log in</body></html>" * 50,
    "JSON": b'{"error": "no such recording"}',
    "XML": b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
    "text": b"The recording is not available.\n" * 100,
    "PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + bytes(1000),
    "gzip": b"\x1f\x8b\x08" + bytes(1000),
    "ID3 tag only": b"ID3\x03\x00\x00\x00\x00\x00\x0a" + bytes(10),
    "ID3 tag and a page": b"ID3\x03\x00\x00\x00\x00\x00\x0a" + bytes(10) + b"<html></html>" * 500,
    "RIFF header only": b"RIFF\x24\x00\x00\x00WAVEfmt ",
    "wav without samples": encode("wav", "pcm_s16le")[:78],
    "m4a without its index": encode("ipod", "aac")[:20_000],
    "ogg header only": encode("ogg", "libopus", rate=48_000)[:60],
    "a picture": png(),
    "a silent film": film(),
    "subtitles": b"1\n00:00:01,000 --> 00:00:04,000\nHello\n",
    "a playlist": b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n",
    "a list of files": b"ffconcat version 1.0\nfile 'speech.wav'\n",
    "a session description": b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\n"
    b"t=0 0\r\nm=audio 9999 RTP/AVP 0\r\n",
}


@pytest.mark.parametrize("name", RUBBISH)
def test_rubbish_is_not_audio(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    failure = failure_of(RUBBISH[name])
    assert str(failure).startswith("not audio: ")
    assert failure.permanent
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("suffix", ["mp3", "wav", "m3u8", "g722"])
def test_rubbish_is_not_audio_under_any_name(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"recording.{suffix}"
    for content in RUBBISH.values():
        path.write_bytes(content)
        with path.open("rb") as file, pytest.raises(FileFailure, match="not audio: ") as caught:
            probe(file)
        assert caught.value.permanent


def test_a_list_of_files_opens_none_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret.wav").write_bytes(encode("wav", "pcm_s16le"))
    monkeypatch.chdir(tmp_path)
    playlist = b"ffconcat version 1.0\nfile secret.wav\n"
    with av.open(io.BytesIO(playlist), "r") as container:
        assert container.streams.audio  # FFmpeg alone would open the file.
    assert failure_of(playlist).permanent


def test_rubbish_is_given_up_soon() -> None:
    started = time.monotonic()
    frames = b"\xff\xfb\x90\x64" + bytes(413)  # This is the header of an mp3 frame without sound.
    failure_or_sound(frames[:3] + os.urandom(20_000_000))
    assert time.monotonic() - started < 2
    assert PACKETS_TO_TRY <= 1000


def failure_or_sound(content: bytes) -> FileFailure | AudioInfo:
    """Probe content that may be either; any other error fails the test."""
    try:
        return probed(content)
    except FileFailure as failure:
        return failure


@pytest.mark.parametrize("name", FILES)
def test_damaged_files_raise_nothing_else(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    (container, codec, options), _ = FILES[name]
    rate = 48_000 if codec == "libopus" else 16_000
    sound = encode(container, codec, tone(2, rate), rate=rate, options=options)
    chance = random.Random(name)
    for _ in range(30):
        content = bytearray(sound)
        for _ in range(chance.choice([1, 10, 100])):
            reach = chance.choice([64, len(content)])
            content[chance.randrange(min(reach, len(content)))] = chance.randrange(256)
        failure_or_sound(bytes(content[: chance.choice([len(content), len(content) // 3])]))
    assert capfd.readouterr() == ("", "")
