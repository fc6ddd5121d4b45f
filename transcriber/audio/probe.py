"""Examine a file: whether it holds sound, how long the sound is, and whether its end is missing.

FFmpeg (through PyAV) decides by the content, because names and media types may be wrong. It may
open only the containers below: its playlist formats would open files and hosts that a downloaded
file names.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO

import av

from transcriber.audio.probing import AudioInfo
from transcriber.core.verdicts import FileFailure, Suspect

if TYPE_CHECKING:
    from av import AudioFrame, AudioStream, Packet
    from av.container import InputContainer

# FFmpeg's name of each container that it may open: the suffix and the media type of such files.
CONTAINERS = {
    "aac": ("aac", "audio/aac"),
    "aiff": ("aiff", "audio/aiff"),
    "amr": ("amr", "audio/amr"),
    "asf": ("wma", "audio/x-ms-wma"),
    "au": ("au", "audio/basic"),
    "caf": ("caf", "audio/x-caf"),
    "flac": ("flac", "audio/flac"),
    "matroska,webm": ("webm", "audio/webm"),
    "mov,mp4,m4a,3gp,3g2,mj2": ("m4a", "audio/mp4"),
    "mp3": ("mp3", "audio/mpeg"),
    "ogg": ("ogg", "audio/ogg"),
    "w64": ("w64", "audio/x-w64"),
    "wav": ("wav", "audio/wav"),
}

# FFmpeg decodes sound within the first few packets; random bytes only look like packets.
PACKETS_TO_TRY = 100

# A header's length may be off by some padding, and by a damaged last packet.
TOLERATED_SECONDS = 2.0
TOLERATED_SHARE = 0.1

# Recorders that do not know the length yet write about the largest number of 31 or 32 bits.
UNKNOWN_LENGTH_BYTES = 0x7FFF0000


def _is_web_page(file: BinaryIO) -> bool:
    """Tell whether a file begins as HTML does; no container of sound has such a head."""
    file.seek(0)
    head = file.read(1024).lower()
    return any(mark in head for mark in (b"<!doctype html", b"<html", b"<head>"))


def probe(file: BinaryIO) -> AudioInfo:
    """Return what the sound in a file is like; leave the file's position at 0.

    Raises a `FileFailure`, permanent if there is no sound, transient if the end is missing. It
    reads every packet, which takes about 0.2 seconds for an hour of sound, but a crafted file may
    take any amount of memory and time: workers call it in `probe_process.py`.
    """
    try:
        file.seek(0)
        with av.open(
            _Source(file),
            mode="r",
            options={"format_whitelist": ",".join(CONTAINERS)},
            metadata_errors="ignore",  # Tags may be in any encoding.
        ) as container:
            return _look_into(container, file)
    except MemoryError:  # This may be one of FFmpeg's errors as well.
        raise
    except (av.FFmpegError, ValueError) as error:
        reason, suspect = "not audio: the file cannot be read as such", None
        if _is_web_page(file):
            reason, suspect = "not audio: a web page, perhaps of a login", Suspect.SERVICE
        raise FileFailure(reason, permanent=True, suspect=suspect) from error
    finally:
        file.seek(0)


def _look_into(container: InputContainer, file: BinaryIO) -> AudioInfo:
    if not container.streams.audio:
        raise FileFailure("not audio: there is no sound in the file", permanent=True)
    stream = container.streams.audio[0]
    walk = _Walk(stream)
    walk.through(container)
    if walk.frame is None or walk.frame.sample_rate <= 0:
        raise FileFailure("not audio: nothing in the file can be decoded", permanent=True)
    claimed = _claimed_seconds(container, walk, file)
    missing = claimed - walk.seconds
    if missing > TOLERATED_SECONDS and missing > TOLERATED_SHARE * claimed:
        raise FileFailure(
            f"truncated: {walk.seconds:.1f} of {claimed:.1f} seconds are there", permanent=False
        )
    suffix, media_type = CONTAINERS[container.format.name]
    return AudioInfo(
        # The packets of a damaged file may carry no times; FFmpeg's guess is better than 0.
        duration_seconds=walk.seconds or (container.duration or 0) / 1_000_000,
        codec=stream.codec_context.codec.canonical_name,
        sample_rate=walk.frame.sample_rate,
        channels=walk.frame.layout.nb_channels,
        suffix=suffix,
        media_type=media_type,
    )


class _Source:
    """A file as FFmpeg sees it: without a name to guess from, and with an answer to every seek.

    A damaged file makes FFmpeg seek to positions that do not exist. If that raised, PyAV would
    print the error and raise it again from a later call that has nothing to do with it.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._seek, self.read, self.tell = file.seek, file.read, file.tell

    def seek(self, offset: int, whence: int = 0) -> int:
        try:
            return self._seek(offset, whence)
        except (OSError, ValueError):
            return -1


class _Walk:
    """One pass over a stream's packets: how long they last, and the first decoded frame."""

    def __init__(self, stream: AudioStream) -> None:
        self._stream = stream
        self._time_base = float(stream.time_base or 0)
        self._start: int | None = None
        self._end = 0
        self._summed = 0
        self.first_byte = 0
        self.frame: AudioFrame | None = None

    @property
    def seconds(self) -> float:
        """The time from the first packet to the end of the last; without times, their sum."""
        ticks = self._summed if self._start is None else self._end - self._start
        return ticks * self._time_base

    def through(self, container: InputContainer) -> None:
        """Read the packets until the end, or until the first one that cannot be read."""
        try:
            for number, packet in enumerate(container.demux(self._stream)):
                if self.frame is None:
                    if number == 0:
                        self.first_byte = packet.pos or 0
                    if number > PACKETS_TO_TRY:
                        return
                    self.frame = _first_frame(packet)
                self._count(packet)
        except MemoryError:
            raise
        except av.FFmpegError:
            return  # The packets before may be sound; the caller compares their length.

    def _count(self, packet: Packet[AudioStream]) -> None:
        self._summed += packet.duration or 0
        if packet.pts is not None:
            self._start = packet.pts if self._start is None else min(self._start, packet.pts)
            self._end = max(self._end, packet.pts + (packet.duration or 0))


def _first_frame(packet: Packet[AudioStream]) -> AudioFrame | None:
    try:
        return next(iter(packet.decode()), None)
    except MemoryError:
        raise
    except av.FFmpegError:
        return None  # One bad packet does not spoil a recording.


def _claimed_seconds(container: InputContainer, walk: _Walk, file: BinaryIO) -> float:
    """Return how long the sound is according to the header, or 0 if the header does not tell.

    Two kinds of lengths do not count. Without a length in the header FFmpeg guesses one from the
    file's size and the bit rate at its start, which is four times too long for an mp3 of variable
    rate that starts with silence. And some recorders write a length before they know it.
    """
    size = file.seek(0, io.SEEK_END)
    stream = container.streams.audio[0]
    if container.format.name == "wav":
        # Compare bytes, because FFmpeg reports a shorter length for a cut file.
        file.seek(0)
        magic, length = file.read(4), int.from_bytes(file.read(4), "little")
        known = magic == b"RIFF" and length < UNKNOWN_LENGTH_BYTES
        return walk.seconds * (8 + length) / size if known else 0.0
    if stream.duration is not None and stream.time_base is not None:
        seconds = float(stream.duration * stream.time_base)
    elif len(container.streams) == 1:  # With several, the longest may be another one.
        seconds = (container.duration or 0) / 1_000_000
    else:
        return 0.0
    needed = walk.first_byte + seconds * (stream.bit_rate or 0) / 8
    if stream.bit_rate and (needed <= 1.01 * size or needed >= UNKNOWN_LENGTH_BYTES):
        return 0.0
    return seconds
