"""A segment's deleted rows as a manifest holds them: a bit a row, compressed with zstd."""

from __future__ import annotations

import numpy as np
import zstandard
from numpy.typing import NDArray

from asteroid_cloud.wal.errors import CorruptionError

DELETED_BYTES_MAX = 2**29


def pack_deleted(deleted: NDArray[np.uint8]) -> bytes:
    """Compresses the bits."""
    return zstandard.ZstdCompressor().compress(deleted.tobytes())


def unpack_deleted(folder: str, packed: bytes, rows: int) -> NDArray[np.uint8]:
    """The bits of a segment with so many rows; raises CorruptionError when they do not fit."""
    try:
        size = zstandard.frame_content_size(packed)
        if size != (rows + 7) // 8 or size > DELETED_BYTES_MAX:
            raise CorruptionError(folder, 0, "the manifest's deleted rows do not fit a segment")
        return np.frombuffer(zstandard.ZstdDecompressor().decompress(packed), np.uint8)
    except zstandard.ZstdError as error:
        raise CorruptionError(folder, 0, f"the manifest's deleted rows do not unpack: {error}") from error
