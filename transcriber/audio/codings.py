"""Bodies as they were before a host compressed them, although nobody asked it to.

Object stores send Content-Encoding values that name no coding (`aws-chunked`, a character set, an
empty one) with a plain body, and some say gzip of a body that is none.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from transcriber.core.verdicts import FileFailure

if TYPE_CHECKING:
    from collections.abc import Iterator

GZIP = frozenset({"gzip", "x-gzip"})
# Codings that are not undone here (RFC 9110, 8.4.1, and the registry of IANA).
OTHERS = frozenset({"br", "compress", "deflate", "x-compress", "zstd", "dcb", "dcz"})
GZIP_MAGIC = b"\x1f\x8b"
# A megabyte of zeros is a kilobyte of gzip: never inflate more than this at a time.
LARGEST_PART = 256 * 1024


class Body:
    """A body that arrives in chunks."""

    def __init__(self, content_encoding: str) -> None:
        """Take the header; raise a `FileFailure` where it names a coding that is not undone."""
        codings = {word.strip().lower() for word in content_encoding.split(",")}
        if codings & OTHERS or len(codings & GZIP) > 1:
            raise FileFailure("the body is compressed, which was not asked for", permanent=True)
        self._may_be_gzip = bool(codings & GZIP)
        self._inflater: zlib._Decompress | None = None
        self._is_first = True

    def parts(self, chunk: bytes) -> Iterator[bytes]:
        """Yield what a chunk holds, in parts of a bounded size."""
        if self._is_first and self._may_be_gzip and chunk.startswith(GZIP_MAGIC):
            self._inflater = _new_inflater()
        self._is_first = False
        if self._inflater is None:
            yield chunk
            return
        try:
            while chunk:
                if self._inflater.eof:
                    # A gzip may have several members; anything else behind one is not read.
                    if not GZIP_MAGIC.startswith(chunk[:2]):
                        return
                    self._inflater = _new_inflater()
                yield self._inflater.decompress(chunk, LARGEST_PART)
                chunk = self._inflater.unconsumed_tail or self._inflater.unused_data
        except zlib.error as error:
            raise FileFailure("the body's gzip is damaged", permanent=False) from error

    @property
    def is_whole(self) -> bool:
        """Whether the body has come to its end, as far as its coding tells."""
        return self._inflater is None or self._inflater.eof


def _new_inflater() -> zlib._Decompress:
    return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
