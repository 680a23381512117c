"""Frames survive encoding; anything else is a BadFrame, in bounded memory."""

from __future__ import annotations

import struct
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from asteroid_cloud.wal import Record
from asteroid_cloud.wal.format.body import BadFrame, body_size
from asteroid_cloud.wal.format.events import Encoded, Event, VectorsUpserted, encode_event
from asteroid_cloud.wal.format.frame import (
    CHECKED,
    HEADER_BYTES,
    MAGIC,
    check_frame,
    decode_body,
    decode_header,
    encode_frame,
)
from asteroid_cloud.wal.limits import FRAME_BODY_BYTES_MAX
from asteroid_cloud.wal.lsn import Lsn
from tests.support.logs import IDENTITY, TIME_MS, frames_of
from tests.wal.format.test_events import EVENTS

VECTORS = VectorsUpserted(b"i", bytes(range(16)))
WITH_VECTORS = encode_frame(IDENTITY, Lsn(1), TIME_MS, [encode_event(VECTORS)])
TERABYTE_IN_13_BYTES = bytes.fromhex("28b52ffde06c06060663636363")


def decode(data: bytes, identity: bytes = IDENTITY) -> list[Record]:
    header = decode_header(data)
    return list(decode_body(header, check_frame(identity, header, data)))


def sealed(packed: bytes, *, count: int = 1, raw: int = 8, first: int = 1, flags: int = 0) -> bytes:
    """A frame whose checksum is right, whatever the rest is."""
    checked = CHECKED.pack(MAGIC, flags, first, TIME_MS, count, raw, len(packed))
    return checked + struct.pack("<I", zlib.crc32(packed, zlib.crc32(checked, zlib.crc32(IDENTITY)))) + packed


@given(
    st.lists(EVENTS, min_size=1, max_size=6),
    st.integers(1, 2**63),
    st.integers(0, 2**63),
    st.binary(min_size=16),
)
def test_a_frame_survives_encoding(events: list[Event], first: int, time_ms: int, identity: bytes) -> None:
    encoded = [encode_event(event) for event in events]
    frame = encode_frame(identity, Lsn(first), time_ms, encoded)
    header = decode_header(frame)
    assert header.frame_bytes == len(frame)
    assert header.raw_bytes == body_size(encoded)
    assert decode(frame, identity) == [
        Record(Lsn(first + number), time_ms, event) for number, event in enumerate(events)
    ]


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_bad_frames(data: bytes) -> None:
    with pytest.raises(BadFrame):
        decode(data)


@given(st.binary(max_size=200), st.integers(1, 4), st.integers(4, 300))
def test_an_arbitrary_body_under_a_right_checksum_is_a_bad_frame(packed: bytes, count: int, raw: int) -> None:
    with pytest.raises(BadFrame):
        decode(sealed(packed, count=count, raw=max(raw, 4 * count)))


@given(st.binary(min_size=8, max_size=100), st.integers(1, 2))
def test_an_arbitrary_raw_body_gives_records_or_a_bad_frame(raw: bytes, count: int) -> None:
    try:
        records = decode(sealed(zstandard.compress(raw), count=count, raw=len(raw)))
    except BadFrame:
        return
    assert len(records) == count


@pytest.mark.parametrize("frame", [*frames_of(3), WITH_VECTORS], ids=["whole", "apart"])
def test_every_flipped_bit_is_detected(frame: bytes) -> None:
    for bit in range(len(frame) * 8):
        damaged = bytearray(frame)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BadFrame):
            decode(bytes(damaged))


@pytest.mark.parametrize("frame", [*frames_of(3), WITH_VECTORS], ids=["whole", "apart"])
def test_every_cut_is_detected(frame: bytes) -> None:
    for size in range(len(frame)):
        with pytest.raises(BadFrame):
            decode(frame[:size])


def test_a_frame_of_another_store_is_bad() -> None:
    (frame,) = frames_of(1, identity=b"another store 16")
    with pytest.raises(BadFrame, match="checksum"):
        decode(frame)


@pytest.fixture
def no_decompression(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decompressing would be too late."""

    class Refuses:
        def decompress(self, *_: object, **__: object) -> bytes:
            raise AssertionError("decompressed")

    monkeypatch.setattr(zstandard, "ZstdDecompressor", Refuses)


@pytest.mark.usefixtures("no_decompression")
@pytest.mark.parametrize(
    "packed",
    [
        TERABYTE_IN_13_BYTES,
        zstandard.compress(bytes(1_000_000)),
        zstandard.ZstdCompressor(write_content_size=False).compress(b"12345678"),
        b"",
        b"no zstd at all",
    ],
)
def test_a_body_that_states_another_size_is_refused_before_decompression(packed: bytes) -> None:
    with pytest.raises(BadFrame):
        decode(sealed(packed))


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (sealed(b"", raw=FRAME_BODY_BYTES_MAX + 1), "impossible sizes"),
        (sealed(b"", count=0), "impossible sizes"),
        (sealed(b"", count=3, raw=11), "impossible sizes"),
        (sealed(b"", first=0), "impossible sizes"),
        (sealed(bytes(600), raw=8), "impossible packed size"),
        (sealed(b"", flags=4), "no frame begins here"),
        (sealed(zstandard.compress(bytes(8)) + b"x", count=2), "does not decompress"),
        (sealed(zstandard.compress(b"\x02\0\0\0\x91\x02" + b"\0\0"), count=1), "behind the last event"),
        (sealed(zstandard.compress(b"\x09\0\0\0\x91\x02" + b"\0\0"), count=1), "cut off"),
        (sealed(zstandard.compress(b"\x04\0\0\0\x91\x02\0\0"), count=1), "does not decode"),
        (
            sealed(zstandard.compress(b"\x07\0\0\0\x93\x01\x02\xa3\xff\xff\xff"), count=1, raw=11),
            "not decode",
        ),
    ],
)
def test_impossible_frames(frame: bytes, reason: str) -> None:
    with pytest.raises(BadFrame, match=reason):
        decode(frame)


def test_headers_of_random_sizes_never_claim_more_than_the_limit() -> None:
    header = CHECKED.pack(MAGIC, 0, 1, 0, 1, FRAME_BODY_BYTES_MAX, 2**32 - 1) + bytes(4)
    assert len(header) == HEADER_BYTES
    with pytest.raises(BadFrame, match="packed size"):
        decode_header(header)


def test_an_event_that_nests_too_deep_is_a_bad_frame() -> None:
    deep = b"\x92\x02" + b"\x91" * 5_000 + b"\xc0"
    frame = encode_frame(bytes(16), Lsn(1), 0, [Encoded(deep, b"")])
    header = decode_header(frame)
    with pytest.raises(BadFrame, match="does not decode"):
        list(decode_body(header, check_frame(bytes(16), header, frame)))
