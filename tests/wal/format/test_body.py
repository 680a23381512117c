"""Vectors apart: every frame that holds some gives them back, and no wrong body passes for one."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from asteroid_cloud.wal.format.body import APART, WHOLE, BadFrame, Packer, body_size, decoded, unpack_encoded
from asteroid_cloud.wal.format.byte_shuffle import SMALL_BYTES, shuffle, unshuffle
from asteroid_cloud.wal.format.events import BulkRows, Event, IndexDeleted, VectorsUpserted, encode_event
from tests.wal.format.test_events import EVENTS

UPSERTED = VectorsUpserted(b"identity", b"", [b"{}"])
SHELL = encode_event(UPSERTED).event
DELETED = encode_event(IndexDeleted()).event


def unpacked(flags: int, count: int, raw: int, data: bytes) -> list[Event]:
    pieces = unpack_encoded(flags, count, raw, memoryview(data), zstandard.ZstdDecompressor())
    return [decoded(event, vectors)[0] for event, vectors in pieces]


def apart(entries: list[tuple[int, int]], events: bytes, planes: bytes) -> tuple[int, int, int, bytes]:
    """A body made by hand."""
    first = b"".join(struct.pack("<II", *entry) for entry in entries) + events
    packed = zstandard.compress(first)
    data = struct.pack("<I", len(packed)) + packed + zstandard.compress(planes)
    return APART, len(entries), len(first) + len(planes), data


@pytest.mark.parametrize("floats", [0, 1, 3, SMALL_BYTES // 4, SMALL_BYTES // 4 + 1, 100_000])
def test_planes_give_the_floats_back(floats: int) -> None:
    vectors = np.random.default_rng(floats).normal(size=floats).astype(np.float32).tobytes()
    planes = shuffle(vectors)
    assert [bytes(plane) for plane in planes] == [vectors[place::4] for place in range(4)]
    assert unshuffle(b"".join(planes)) == vectors


@given(st.lists(EVENTS, min_size=1, max_size=4), st.lists(st.binary(max_size=9), max_size=3))
def test_a_packer_gives_the_same_whatever_it_packed_before(events: list[Event], others: list[bytes]) -> None:
    packer = Packer()
    for vectors in others:
        packer.pack([encode_event(BulkRows(1, 2, vectors))])
    encoded = [encode_event(event) for event in events]
    packed = packer.pack(encoded)
    assert packed == Packer().pack(encoded)
    assert packed.flags == (APART if any(event.vectors for event in encoded) else WHOLE)
    assert packed.raw_bytes == body_size(encoded)
    assert unpacked(packed.flags, len(events), packed.raw_bytes, packed.data) == events


def test_alike_exponents_are_packed_well_and_noise_is_not_made_longer() -> None:
    drawn = np.random.default_rng(5).normal(size=(1000, 64)).astype(np.float32)
    noise = np.random.default_rng(6).bytes(drawn.nbytes)
    for vectors, share in ((drawn.tobytes(), 0.87), (noise, 1.001)):
        packed = Packer().pack([encode_event(VectorsUpserted(b"", vectors))])
        assert len(packed.data) < share * len(vectors)
        assert packed.flags == APART


def test_a_body_made_by_hand_is_read() -> None:
    body = apart([(len(DELETED), 0), (len(SHELL), 8)], DELETED + SHELL, b"\1\5\2\6\3\7\4\x08")
    assert unpacked(*body) == [
        IndexDeleted(),
        VectorsUpserted(b"identity", bytes(range(1, 9)), [b"{}"]),
    ]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ((APART, 1, 8, b""), "cut off"),
        ((APART, 1, 8, b"\x09\0\0\0" + bytes(8)), "cut off"),
        ((APART, 1, 8, b"\0\0\0\0" + zstandard.compress(bytes(8))), "does not decompress"),
        ((APART, 2, 12, apart([(4, 0)], b"\x91\x02\0\0", b"")[3]), "cut off"),
        (apart([(len(SHELL), 8)], SHELL, bytes(4)), "sizes of vectors"),
        (apart([(len(SHELL), 4)], SHELL, bytes(8)), "sizes of vectors"),
        (apart([(len(SHELL), 3), (len(SHELL), 5)], SHELL + SHELL, bytes(8)), "sizes of vectors"),
        (apart([(len(SHELL) + 1, 4)], SHELL, bytes(4)), "other sizes"),
        (apart([(len(SHELL) - 1, 4)], SHELL, bytes(4)), "other sizes"),
        (apart([(len(SHELL) - 1, 4)], SHELL[:-1], bytes(4)), "does not decode"),
        (apart([(len(DELETED), 4)], DELETED, bytes(4)), "no place"),
    ],
)
def test_impossible_bodies(body: tuple[int, int, int, bytes], reason: str) -> None:
    with pytest.raises(BadFrame, match=reason):
        unpacked(*body)


def test_parts_that_state_other_sizes_are_refused_before_decompression() -> None:
    huge = zstandard.compress(bytes(1_000_000))
    unsized = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(8))
    for first, second in ((huge, huge), (unsized, zstandard.compress(bytes(9)))):
        data = struct.pack("<I", len(first)) + first + second
        with pytest.raises(BadFrame, match="another size"):
            unpacked(APART, 1, 8, data)


@given(st.binary(max_size=60), st.binary(max_size=40), st.integers(1, 3))
def test_arbitrary_parts_give_events_or_a_bad_frame(first: bytes, planes: bytes, count: int) -> None:
    packed = zstandard.compress(first)
    data = struct.pack("<I", len(packed)) + packed + zstandard.compress(planes)
    try:
        events = unpacked(APART, count, len(first) + len(planes), data)
    except BadFrame:
        return
    assert len(events) == count
