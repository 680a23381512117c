"""The rows of a bulk build as they go on the wire: raw little-endian float32, row after row."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

PIECE_BYTES = 1024 * 1024
WIRE = np.dtype("<f4")


class Rows(Protocol):
    """Where the vectors come from."""

    rows: int
    dim: int

    def pieces(self) -> Iterator[bytes | memoryview]:
        """The vectors as they go on the wire."""
        ...

    def opened(self) -> AbstractAsyncContextManager[AsyncIterator[bytes | memoryview]]:
        """The same, without blocking the event loop."""
        ...


def wire_bytes(values: NDArray[np.float32]) -> memoryview:
    """The numbers as they go on the wire: the array's own memory where it has that layout."""
    return np.ascontiguousarray(values, dtype=WIRE).reshape(-1).view(np.uint8).data
