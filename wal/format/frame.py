"""Frames: how a group of events lies in a log file. FORMAT.md has the byte table.

Pure encoding and decoding; nothing here touches a file.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence

import msgspec
import zstandard

from asteroid_cloud.wal.format.body import APART, ENTRY, LENGTH, BadFrame, Packer, decoded, unpack_encoded
from asteroid_cloud.wal.format.events import Encoded, Event
from asteroid_cloud.wal.format.record import Record
from asteroid_cloud.wal.limits import FRAME_BODY_BYTES_MAX, LOG_FILE_BYTES_MAX
from asteroid_cloud.wal.lsn import Lsn

MAGIC = b"AFRM"
HEADER = struct.Struct("<4sIQQIIII")
HEADER_BYTES = HEADER.size
CHECKED = struct.Struct("<4sIQQIII")
CLOCK = 2
"""The flag of a frame that begins with what the writer's clock said, which was less than the frame's time."""
FLAGS = APART | CLOCK
"""All flags that there are."""
CLOCK_MS = struct.Struct("<Q")


class FrameHeader(msgspec.Struct, frozen=True):
    """What a frame says of itself before its body is looked at."""

    first_lsn: Lsn
    time_ms: int
    flags: int
    count: int
    raw_bytes: int
    packed_bytes: int
    crc: int

    @property
    def last_lsn(self) -> Lsn:
        """The LSN of the frame's last event."""
        return Lsn(self.first_lsn + self.count - 1)

    @property
    def frame_bytes(self) -> int:
        """Header and body."""
        return HEADER_BYTES + self.packed_bytes


def _crc(identity: bytes, checked: bytes, packed: bytes | memoryview) -> int:
    # Beginning with the store's identity, so that a frame of another store never fits.
    return zlib.crc32(packed, zlib.crc32(checked, zlib.crc32(identity)))


def encode_frame(
    identity: bytes,
    first_lsn: Lsn,
    time_ms: int,
    encoded: Sequence[Encoded],
    packer: Packer | None = None,
    clock_ms: int | None = None,
) -> bytes:
    """One frame of events that are encoded already, numbered from ``first_lsn``.

    ``clock_ms`` is what the writer's clock said, if that is less than ``time_ms``.
    """
    flags, raw_bytes, packed = (packer or Packer()).pack(encoded)
    if clock_ms is not None:
        flags, packed = flags | CLOCK, CLOCK_MS.pack(clock_ms) + packed
    if not encoded or raw_bytes > FRAME_BODY_BYTES_MAX:
        raise AssertionError("a frame holds at least one event and is within its limit")
    checked = CHECKED.pack(MAGIC, flags, first_lsn, time_ms, len(encoded), raw_bytes, len(packed))
    return checked + LENGTH.pack(_crc(identity, checked, packed)) + packed


def frame_bytes(header: FrameHeader, packed: bytes | memoryview) -> bytes:
    """A frame that was read, as it was."""
    checked = CHECKED.pack(
        MAGIC,
        header.flags,
        header.first_lsn,
        header.time_ms,
        header.count,
        header.raw_bytes,
        header.packed_bytes,
    )
    return b"".join([checked, LENGTH.pack(header.crc), packed])


def decode_header(data: bytes | memoryview) -> FrameHeader:
    """The header at the start of ``data``; raises BadFrame unless it could be one."""
    if len(data) < HEADER_BYTES:
        raise BadFrame("the header is cut off")
    magic, flags, first_lsn, time_ms, count, raw, packed, crc = HEADER.unpack_from(data)
    if magic != MAGIC or flags & ~FLAGS:
        raise BadFrame("no frame begins here")
    if count == 0 or first_lsn == 0 or raw > FRAME_BODY_BYTES_MAX or count * LENGTH.size > raw:
        raise BadFrame("the header states impossible sizes")
    if packed > zstandard_bound(raw):
        raise BadFrame("the header states an impossible packed size")
    return FrameHeader(Lsn(first_lsn), time_ms, flags, count, raw, packed, crc)


def clock_of(header: FrameHeader, packed: memoryview) -> int:
    """When the frame was written by the writer's clock, which may go back where the times do not.

    Raises BadFrame when the body is cut off.
    """
    if not header.flags & CLOCK:
        return header.time_ms
    if len(packed) < CLOCK_MS.size:
        raise BadFrame("the body is cut off")
    clock_ms: int = CLOCK_MS.unpack_from(packed)[0]
    return clock_ms


def zstandard_bound(raw: int) -> int:
    """The most that zstd makes of ``raw`` bytes (ZSTD_COMPRESSBOUND), in one frame or two, and a clock."""
    return raw + (raw >> 8) + 512


def check_frame(identity: bytes, header: FrameHeader, frame: bytes | memoryview) -> memoryview:
    """The packed body of a whole frame; raises BadFrame when its checksum does not match."""
    view = memoryview(frame)
    if len(view) < header.frame_bytes:
        raise BadFrame("the body is cut off")
    packed = view[HEADER_BYTES : header.frame_bytes]
    if _crc(identity, bytes(view[: CHECKED.size]), packed) != header.crc:
        raise BadFrame("the checksum does not match")
    return packed


def decode_body(
    header: FrameHeader, packed: memoryview, unpacker: zstandard.ZstdDecompressor | None = None
) -> Iterator[Record]:
    """The records of a checked body; raises BadFrame if it is not what its header says.

    Who reads many frames hands over an ``unpacker``: a new one takes longer than a small body does.
    """
    unpacker = unpacker or zstandard.ZstdDecompressor()
    lsn, time_ms = header.first_lsn, header.time_ms
    clock_ms = clock_of(header, packed) if header.flags & CLOCK else None
    for data, vectors in _unpacked(header, packed, unpacker):
        event, request = decoded(data, vectors)
        yield Record(lsn, time_ms, event, clock_ms, request)
        lsn = Lsn(lsn + 1)


def decode_sized(
    header: FrameHeader, packed: memoryview, unpacker: zstandard.ZstdDecompressor
) -> Iterator[tuple[Event, int]]:
    """The events of a checked body, each with its bytes before compression; raises BadFrame."""
    entry = ENTRY.size if header.flags & APART else LENGTH.size
    for data, vectors in _unpacked(header, packed, unpacker):
        yield decoded(data, vectors)[0], entry + len(data) + len(vectors)


def part_of_frame(
    identity: bytes, header: FrameHeader, packed: memoryview, first_lsn: Lsn, last_lsn: Lsn
) -> bytes:
    """A frame of only the records ``first_lsn`` to ``last_lsn`` of a checked one, with its time.

    Events are taken as they are encoded, so that what a newer program added to them stays. Raises BadFrame.
    """
    unpacked = _unpacked(header, packed, zstandard.ZstdDecompressor())
    taken = [
        Encoded(bytes(data), vectors)
        for lsn, (data, vectors) in enumerate(unpacked, header.first_lsn)
        if first_lsn <= lsn <= last_lsn
    ]
    clock_ms = clock_of(header, packed) if header.flags & CLOCK else None
    return encode_frame(identity, first_lsn, header.time_ms, taken, clock_ms=clock_ms)


def _unpacked(
    header: FrameHeader, packed: memoryview, unpacker: zstandard.ZstdDecompressor
) -> Iterator[tuple[memoryview, bytes]]:
    """The events as they are encoded, each with its vectors; raises BadFrame."""
    body = packed[CLOCK_MS.size :] if header.flags & CLOCK else packed
    return unpack_encoded(header.flags & APART, header.count, header.raw_bytes, body, unpacker)


LARGEST_FILE_BYTES = LOG_FILE_BYTES_MAX + HEADER_BYTES + zstandard_bound(FRAME_BODY_BYTES_MAX)
"""No file of a log is larger: the next frame begins a new one once there are LOG_FILE_BYTES_MAX in it."""
