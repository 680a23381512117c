"""The packed body of a frame: its events, and apart from them their vectors. FORMAT.md has the bytes.

Pure encoding and decoding; nothing here touches a file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
import zstandard

from asteroid_cloud.wal.errors import AsteroidError
from asteroid_cloud.wal.format.byte_shuffle import FLOAT_BYTES, pack_shuffled, shuffle_compressor, unshuffle
from asteroid_cloud.wal.format.events import Encoded, Event, RequestKey, decode_event

LENGTH = struct.Struct("<I")
ENTRY = struct.Struct("<II")
WHOLE, APART = 0, 1
"""What a body's flags may be: events as they are, or their vectors apart."""
# Events are mostly the text of payloads. WordNet's have 196 bytes each. At 1,000 a frame, level 1 packs them
# into 63 bytes at 390 MB/s, level 3 into 61 at 240 MB/s. A trained dictionary, which the log would have to
# contain, gives 57 to 64. Where a row is a frame of its own it saves 66 bytes, 5% of a frame with 384 values.
EVENTS_LEVEL = 1


class BadFrame(AsteroidError):
    """These bytes are not a whole, undamaged frame. ``wal.read`` decides whether that is a torn tail."""

    default_code = "corruption"


class Packed(NamedTuple):
    """A body that is ready to be written."""

    flags: int
    raw_bytes: int
    """Before compression, of everything."""
    data: bytes


class Packer:
    """Packs bodies, one at a time. It reuses its compressors: making one takes longer than a small body."""

    def __init__(self) -> None:
        self._events = zstandard.ZstdCompressor(level=EVENTS_LEVEL)
        self._vectors = shuffle_compressor()

    def pack(self, encoded: Sequence[Encoded]) -> Packed:
        """The body of these events; with the vectors apart if any event has some."""
        raw_bytes = body_size(encoded)
        vectors = b"".join([event.vectors for event in encoded])
        if not vectors:
            parts: list[bytes] = []
            for event in encoded:
                parts += (LENGTH.pack(len(event.event)), event.event)
            return Packed(WHOLE, raw_bytes, self._events.compress(b"".join(parts)))
        table = b"".join([ENTRY.pack(len(event.event), len(event.vectors)) for event in encoded])
        events = self._events.compress(table + b"".join([event.event for event in encoded]))
        planes = pack_shuffled(vectors, self._vectors)
        return Packed(APART, raw_bytes, b"".join([LENGTH.pack(len(events)), events, *planes]))


def body_size(encoded: Sequence[Encoded]) -> int:
    """Bytes that these events take in a frame, before compression."""
    vectors = sum([len(event.vectors) for event in encoded])
    lengths = ENTRY.size if vectors else LENGTH.size
    return sum([len(event.event) for event in encoded]) + vectors + lengths * len(encoded)


def unpack_encoded(
    flags: int, count: int, raw_bytes: int, packed: memoryview, unpacker: zstandard.ZstdDecompressor
) -> Iterator[tuple[memoryview, bytes]]:
    """The events of a body as they are encoded, each with its vectors.

    Raises BadFrame if the body is not what its header says.
    """
    if flags == WHOLE:
        (body,) = _decompressed(raw_bytes, [packed], unpacker)
        yield from _whole(count, memoryview(body))
        return
    if len(packed) < LENGTH.size:
        raise BadFrame("the body is cut off")
    (first,) = LENGTH.unpack_from(packed)
    if first > len(packed) - LENGTH.size:
        raise BadFrame("the body is cut off")
    end = LENGTH.size + first
    events, planes = _decompressed(raw_bytes, [packed[LENGTH.size : end], packed[end:]], unpacker)
    if len(events) < ENTRY.size * count:
        raise BadFrame("an event is cut off")
    sizes = struct.unpack_from(f"<{2 * count}I", events)
    if sum(sizes[1::2]) != len(planes) or any(size % FLOAT_BYTES for size in sizes[1::2]):
        raise BadFrame("the events state other sizes of vectors than there are")
    yield from _apart(sizes, memoryview(events), unshuffle(planes))


def _decompressed(
    raw_bytes: int, parts: Sequence[memoryview], unpacker: zstandard.ZstdDecompressor
) -> list[bytes]:
    # The library's own limit is ignored when a frame states its size, so look before it decompresses.
    try:
        sizes = [zstandard.frame_content_size(part) for part in parts]
        if min(sizes) < 0 or sum(sizes) != raw_bytes:
            raise BadFrame("the body states another size than the header")
        return [unpacker.decompress(part, allow_extra_data=False) for part in parts]
    except zstandard.ZstdError as error:
        raise BadFrame(f"the body does not decompress: {error}") from error


def _whole(count: int, body: memoryview) -> Iterator[tuple[memoryview, bytes]]:
    at = 0
    for _ in range(count):
        if at + LENGTH.size > len(body):
            raise BadFrame("an event is cut off")
        (length,) = LENGTH.unpack_from(body, at)
        at += LENGTH.size
        if length > len(body) - at:
            raise BadFrame("an event is cut off")
        yield body[at : at + length], b""
        at += length
    if at != len(body):
        raise BadFrame("there are bytes behind the last event")


def _apart(sizes: Sequence[int], events: memoryview, vectors: bytes) -> Iterator[tuple[memoryview, bytes]]:
    at, taken = LENGTH.size * len(sizes), 0
    if at + sum(sizes[::2]) != len(events):
        raise BadFrame("the events state other sizes than there is")
    for length, size in zip(sizes[::2], sizes[1::2], strict=True):
        # A slice of everything is no copy.
        yield events[at : at + length], vectors[taken : taken + size]
        at += length
        taken += size


def decoded(data: memoryview, vectors: bytes) -> tuple[Event, RequestKey | None]:
    """One event of a body, and the request it belongs to; raises BadFrame if it does not decode."""
    try:
        return decode_event(data, vectors)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadFrame(f"an event does not decode: {error}") from error
