"""Ways to pack vectors and payloads, compared with the log's: bytes a record and speed, on one thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
import zstandard
from numpy.typing import NDArray

from asteroid_cloud.wal.format.byte_shuffle import pack_shuffled, shuffle, shuffle_compressor, unshuffle
from ops.bench.data import Vectors
from ops.bench.tables import Table, count

LEVELS = (-1, 1, 2, 3, 5)
FRAME_ROWS = (1, 10, 100, 1000)
DICTIONARY_KIB = (16, 64, 112)
DICTIONARY_LEVELS = (1, 3)
ROWS_MAX = 2000
PASSES = 3


@dataclass(frozen=True, slots=True)
class Way:
    """One way to pack the bytes of a frame and to unpack them."""

    name: str
    pack: Callable[[bytes], bytes]
    unpack: Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Size:
    """The figures of one way with frames of one size."""

    record_bytes: float
    packed_per_s: float
    """Unpacked bytes a second."""
    unpacked_per_s: float


def kinds_of(rows: Vectors) -> dict[str, Vectors]:
    """Kinds of vectors: converted from float16, of unit length, and with all bits in use."""
    rows = np.asarray(rows[:ROWS_MAX])
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    normal = np.random.default_rng(1).normal(size=(rows.shape[1], rows.shape[1]))
    rotation = np.linalg.qr(normal)[0].astype(np.float32)
    return {
        "once float16": rows.astype(np.float16).astype(np.float32),
        "unit length": unit,
        "rotated at random": unit @ rotation,
    }


def ways_for_vectors() -> list[Way]:
    """Every arrangement at every level, and the log's own last."""
    ways = [
        _way(f"{name}, level {level}", to_planar, from_planar, zstandard.ZstdCompressor(level=level))
        for name, (to_planar, from_planar) in ARRANGEMENTS.items()
        for level in LEVELS
    ]
    for level in LEVELS:
        ways.append(_in_blocks(f"a block each, level {level}", zstandard.ZstdCompressor(level=level)))
    return [*ways, _in_blocks("the log's own", shuffle_compressor())]


def ways_for_payloads(trained_on: Sequence[bytes]) -> list[Way]:
    """Without a dictionary and with one of each size, if there is enough data to train it."""
    ways = []
    for level in DICTIONARY_LEVELS:
        ways.append(_way(f"plain, level {level}", _same, _same, zstandard.ZstdCompressor(level=level)))
        for kib in DICTIONARY_KIB:
            try:
                dictionary = zstandard.train_dictionary(kib << 10, list(trained_on))
            except zstandard.ZstdError:
                continue
            packer = zstandard.ZstdCompressor(level=level, dict_data=dictionary)
            unpacker = zstandard.ZstdDecompressor(dict_data=dictionary)
            ways.append(Way(f"dictionary of {kib} KiB, level {level}", packer.compress, unpacker.decompress))
    return ways


def measured(way: Way, records: Sequence[bytes], frame_records: int) -> Size:
    """Packs and unpacks all records several times, with so many in each frame; returns medians."""
    frames = [b"".join(records[at : at + frame_records]) for at in range(0, len(records), frame_records)]
    raw = sum(map(len, frames))
    packing_s, unpacking_s = [], []
    for _ in range(PASSES):
        began_s = time.perf_counter()
        packed = [way.pack(frame) for frame in frames]
        packed_s = time.perf_counter()
        unpacked = [way.unpack(each) for each in packed]
        unpacking_s.append(time.perf_counter() - packed_s)
        packing_s.append(packed_s - began_s)
    assert unpacked == frames, f"{way.name} does not give back what it was given"
    size = sum(map(len, packed))
    return Size(size / len(records), raw / median(packing_s), raw / median(unpacking_s))


def vectors_table(kind: str, rows: Vectors) -> Table:
    """All ways on one kind of vectors."""
    records = [row.tobytes() for row in rows]
    return _table(f"Vectors, {kind}", ways_for_vectors(), records, rows.shape[1] * rows.itemsize)


def payloads_table(texts: Sequence[bytes]) -> Table:
    """All ways on payloads; dictionaries are trained on every second one, and used on the others."""
    ways, records = ways_for_payloads(texts[::2]), texts[1::2][:ROWS_MAX]
    return _table("Payloads", ways, records, sum(map(len, records)) / len(records))


def _table(title: str, ways: Sequence[Way], records: Sequence[bytes], raw_bytes: float) -> Table:
    rows: list[tuple[str, ...]] = []
    for way in ways:
        sizes = [measured(way, records, frame_records) for frame_records in FRAME_ROWS]
        speeds = [
            f"{size.packed_per_s / 1e6:,.0f} / {size.unpacked_per_s / 1e6:,.0f}"
            for size in (sizes[0], sizes[-1])
        ]
        rows.append((way.name, *(count(size.record_bytes) for size in sizes), *speeds))
    heads = ("bytes a record, by records a frame", *map(str, FRAME_ROWS), "MB/s, 1 a frame", "MB/s, 1,000")
    note = f"Unpacked a record has {raw_bytes:,.0f} bytes. MB/s: packed / unpacked, arranging included."
    return Table(title, heads, rows, note)


def _way(
    name: str,
    arrange: Callable[[bytes], bytes],
    restore: Callable[[bytes], bytes],
    packer: zstandard.ZstdCompressor,
) -> Way:
    unpacker = zstandard.ZstdDecompressor()
    return Way(
        name,
        lambda frame: packer.compress(arrange(frame)),
        lambda packed: restore(unpacker.decompress(packed)),
    )


def _in_blocks(name: str, packer: zstandard.ZstdCompressor) -> Way:
    unpacker = zstandard.ZstdDecompressor()
    return Way(
        name,
        lambda frame: b"".join(pack_shuffled(frame, packer)),
        lambda packed: unshuffle(unpacker.decompress(packed)),
    )


def _same(data: bytes) -> bytes:
    return data


def _shuffled(data: bytes) -> bytes:
    return b"".join(shuffle(data))


def _differences(data: bytes) -> bytes:
    planes = _planes(_shuffled(data))
    return np.diff(planes, axis=1, prepend=np.uint8(0)).tobytes()


def _sums(data: bytes) -> bytes:
    return unshuffle(np.cumsum(_planes(data), axis=1, dtype=np.uint8).tobytes())


def _planes(data: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(data, np.uint8).reshape(4, -1)


ARRANGEMENTS: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    "plain": (_same, _same),
    "byte planes": (_shuffled, unshuffle),
    "byte planes, differences": (_differences, _sums),
}
