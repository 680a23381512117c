"""Request bodies that are sent compressed: gzip and zstd, decoded as they arrive.

Input is decoded a few hundred bytes at a time. So what one step gives is bounded, whatever the body is made
to expand to, and whoever counts the bytes can stop before the next step.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import Protocol

import zstandard

from asteroid_cloud.wal.errors import InvalidRequest
from asteroid_cloud.wal.limits import MIB

STEP_BYTES = 256
"""Input that is decoded at a time: at most 8 MiB come out of it, if each four bytes are a block of zstd."""
WINDOW_BYTES_MAX = 8 * MIB
"""The window that zstd may ask for (RFC 9659)."""
ENCODING = b"content-encoding"
LENGTH = b"content-length"


class _Decoder(Protocol):
    @property
    def eof(self) -> bool:
        """Whether the member or frame is over."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What came behind its end."""
        ...

    def decompress(self, data: bytes, /) -> bytes:
        """The plain bytes that some input gives."""
        ...


def _gzip() -> _Decoder:
    return zlib.decompressobj(16 + zlib.MAX_WBITS)


def _zstd() -> _Decoder:
    return zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES_MAX).decompressobj()


_DECODERS = {"gzip": _gzip, "x-gzip": _gzip, "zstd": _zstd}


class BodyDecoder:
    """Turns the bytes of one encoded body into plain ones; several members or frames are one body."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._decoder: _Decoder | None = None

    def steps(self, data: bytes) -> Iterator[bytes]:
        """The plain bytes of some input, in pieces; raises InvalidRequest ``bad_encoding``."""
        for start in range(0, len(data), STEP_BYTES):
            left = data[start : start + STEP_BYTES]
            while left:
                if self._decoder is None:
                    self._decoder = _DECODERS[self._encoding]()
                try:
                    plain = self._decoder.decompress(left)
                except (zlib.error, zstandard.ZstdError) as error:
                    raise self._refused(str(error)) from error
                left = b""
                if self._decoder.eof:
                    left, self._decoder = self._decoder.unused_data, None
                if plain:
                    yield plain

    def finish(self) -> None:
        """Raises InvalidRequest ``bad_encoding`` when the body ended too early."""
        if self._decoder is not None:
            raise self._refused("it ends before the last byte of the encoding")

    def _refused(self, reason: str) -> InvalidRequest:
        return InvalidRequest(f"the body is not {self._encoding}: {reason}", code="bad_encoding")


def decoder_of(headers: Mapping[bytes, bytes]) -> BodyDecoder | None:
    """What decodes a body with these headers, None for a plain one.

    Raises InvalidRequest ``unsupported_encoding`` for any other encoding than gzip and zstd, also for two.
    """
    given = headers.get(ENCODING)
    if given is None:
        return None
    name = given.decode("latin-1").strip().lower()
    if name in ("", "identity"):
        return None
    if name not in _DECODERS:
        raise InvalidRequest(
            f"Content-Encoding must be gzip, zstd or identity, not {name!r:.80}", code="unsupported_encoding"
        )
    return BodyDecoder(name)
