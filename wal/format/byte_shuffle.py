"""Byte shuffle of vectors: the first byte of every float32, then the second of each, the third, the fourth.

The bytes in one position are a plane. Signs and exponents are alike and lie together in one plane; the low
bytes are noise. Each plane is a zstd block of its own, so zstd packs the former well and skips the latter.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import zstandard

FLOAT_BYTES = 4
# Hardly anything in a plane repeats; some bytes are just more frequent than others. With the smallest hash
# table and the longest match level 1 spends no time on matches. Figures: `python -m ops.bench log`.
LEVEL, MIN_MATCH, HASH_LOG = 1, 7, 6
# Below this size numpy's calls take longer than plain slices; above it they are faster and release the GIL.
SMALL_BYTES = 8192


def shuffle_compressor() -> zstandard.ZstdCompressor:
    """A compressor set up for planes; for one thread at a time."""
    parameters = zstandard.ZstdCompressionParameters.from_level(LEVEL, min_match=MIN_MATCH, hash_log=HASH_LOG)
    return zstandard.ZstdCompressor(compression_params=parameters)


def pack_shuffled(vectors: bytes, compressor: zstandard.ZstdCompressor) -> Iterator[bytes]:
    """The vectors as one zstd frame, piece by piece; no block of it holds bytes of two planes."""
    packing = compressor.compressobj(size=len(vectors))
    *first, last = shuffle(vectors)
    for plane in first:
        yield packing.compress(plane)
        yield packing.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    yield packing.compress(last)
    yield packing.flush()


def shuffle(vectors: bytes) -> list[bytes | memoryview]:
    """The four planes of float32 values; the length must be a multiple of four."""
    if len(vectors) <= SMALL_BYTES:
        return [vectors[place::FLOAT_BYTES] for place in range(FLOAT_BYTES)]
    data = np.frombuffer(vectors, np.uint8)
    planes = np.empty((FLOAT_BYTES, len(data) // FLOAT_BYTES), np.uint8)
    for place in range(FLOAT_BYTES):
        planes[place] = data[place::FLOAT_BYTES]
    return [planes[place].data for place in range(FLOAT_BYTES)]


def unshuffle(planes: bytes) -> bytes:
    """The float32 values whose planes these are, one behind the other; the inverse of ``shuffle``."""
    size = len(planes) // FLOAT_BYTES
    if len(planes) <= SMALL_BYTES:
        few = bytearray(len(planes))
        for place in range(FLOAT_BYTES):
            few[place::FLOAT_BYTES] = planes[place * size : (place + 1) * size]
        return bytes(few)
    vectors = np.empty((size, FLOAT_BYTES), np.uint8)
    for place, plane in enumerate(np.frombuffer(planes, np.uint8).reshape(FLOAT_BYTES, size)):
        vectors[:, place] = plane
    return vectors.tobytes()
