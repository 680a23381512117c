"""Vectors as planes: the first byte of every float32, then the second of each, the third, the fourth.

The bytes of floats that are alike, sign and exponent, lie together then, and so do those that are noise:
zstd, given each plane as a block of its own, packs the former well and passes over the latter at once.
"""

from __future__ import annotations

import numpy as np

FLOAT_BYTES = 4
# Below this numpy's calls take longer than plain slices; above it they are faster, and let go of the GIL.
SMALL_BYTES = 8192


def to_planes(vectors: bytes) -> list[bytes | memoryview]:
    """The four planes of float32 values; the length must be a multiple of four."""
    if len(vectors) <= SMALL_BYTES:
        return [vectors[place::FLOAT_BYTES] for place in range(FLOAT_BYTES)]
    data = np.frombuffer(vectors, np.uint8)
    planes = np.empty((FLOAT_BYTES, len(data) // FLOAT_BYTES), np.uint8)
    for place in range(FLOAT_BYTES):
        planes[place] = data[place::FLOAT_BYTES]
    return [planes[place].data for place in range(FLOAT_BYTES)]


def from_planes(planes: bytes) -> bytes:
    """The float32 values whose planes these are, one behind the other; the inverse of ``to_planes``."""
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
