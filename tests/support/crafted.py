"""Small files that are made to cost much: a table of millions of samples, millions of frames."""

from __future__ import annotations

import struct

SAMPLE_RATE = 8000
FTYP = b"isom\0\0\2\0isom"
SOUND = bytes(1000)


def mp4(samples: int, *, tracks: int = 1) -> bytes:
    """Return an MP4 with a second of silence, whose tables say that each track has more samples.

    FFmpeg needs about 36 bytes of memory for each of them. Each sample lasts two ticks, because
    FFmpeg would join samples of one tick.
    """
    head = _box(b"ftyp", FTYP) + _box(b"mdat", SOUND)
    header = _full_box(b"mvhd", bytes(8), _numbers(SAMPLE_RATE, samples), bytes(80))
    offset = len(head) - len(SOUND)
    boxes = [_track(number, samples, offset) for number in range(1, tracks + 1)]
    return head + _box(b"moov", header, *boxes)


def amr(frames: int) -> bytes:
    """Return an AMR file with one frame of sound, and frames of one byte, which say "no data"."""
    return b"#!AMR\n" + b"\x04" + bytes(12) + b"\x7c" * frames


def _track(number: int, samples: int, offset: int) -> bytes:
    sound = struct.pack(">6xH8xHHHHI", 1, 1, 16, 0, 0, SAMPLE_RATE << 16)
    table = _box(
        b"stbl",
        _full_box(b"stsd", _numbers(1), _box(b"sowt", sound)),
        _full_box(b"stts", _numbers(1, samples, 2)),
        _full_box(b"stsc", _numbers(1, 1, samples, 1)),
        _full_box(b"stsz", _numbers(2, samples)),
        _full_box(b"stco", _numbers(1, offset)),
    )
    return _box(
        b"trak",
        _full_box(b"tkhd", bytes(8), _numbers(number), bytes(68)),
        _box(
            b"mdia",
            _full_box(b"mdhd", bytes(8), _numbers(SAMPLE_RATE, samples), bytes(4)),
            _full_box(b"hdlr", bytes(4), b"soun", bytes(13)),
            _box(b"minf", _full_box(b"smhd", bytes(4)), table),
        ),
    )


def _box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def _full_box(kind: bytes, *parts: bytes) -> bytes:
    """Return a box that begins with its version and flags."""
    return _box(kind, bytes(4), *parts)


def _numbers(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}I", *numbers)
