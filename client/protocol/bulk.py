"""The body of a bulk build, produced in pieces: from an array, a list of rows, or a file.

The vectors go first, raw little-endian float32, row after row; then, if there are payloads, one JSON
array with an object or a null for each row. Only one piece exists in memory at a time.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import aiofiles
import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.client.errors import InvalidRequest
from asteroid_cloud.client.protocol.encoding import Vector, encode_object, float32_array

if TYPE_CHECKING:
    from aiofiles.threadpool.binary import AsyncBufferedReader

PIECE_BYTES = 1024 * 1024
TAIL_ROWS = 1000
BULK_TIMEOUT_S = 3600.0
WIRE = np.dtype("<f4")

Vectors = NDArray[Any] | Sequence[Vector] | str | os.PathLike[str]
Payloads = Sequence[Mapping[str, object] | None]


def wire_bytes(values: NDArray[np.float32]) -> memoryview:
    """The numbers as they go on the wire: the array's own memory where it has that layout."""
    return np.ascontiguousarray(values, dtype=WIRE).reshape(-1).view(np.uint8).data


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


@dataclass
class ArrayRows:
    """Vectors in memory: an array of any number type, or a sequence of rows."""

    vectors: NDArray[Any] | Sequence[Vector]
    rows: int
    dim: int

    def pieces(self) -> Iterator[bytes | memoryview]:
        """Slices of the array itself where it has the wire's layout, else of converted rows."""
        step = max(1, PIECE_BYTES // (WIRE.itemsize * self.dim))
        for first in range(0, self.rows, step):
            part = float32_array(self.vectors[first : first + step], 2, f"vectors from row {first}")
            if part.shape[1] != self.dim:
                raise InvalidRequest(f"row {first} is not {self.dim} numbers long", code="wrong_dim")
            yield wire_bytes(part)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[AsyncIterator[bytes | memoryview]]:
        """The same: converting one piece takes less time than a thread hop is worth."""
        yield in_turn(self.pieces())


@dataclass
class FileRows:
    """Vectors in a file, read front to back; other number types become float32 on the way."""

    path: Path
    offset: int
    dtype: np.dtype[Any]
    rows: int
    dim: int

    def ranges(self) -> Iterator[int]:
        """The sizes of the pieces to read, whole rows each."""
        row_bytes = self.dtype.itemsize * self.dim
        step = max(1, PIECE_BYTES // row_bytes)
        for first in range(0, self.rows, step):
            yield min(step, self.rows - first) * row_bytes

    def wire(self, raw: bytes, size: int) -> bytes | memoryview:
        """A piece of the file as it goes on the wire."""
        if len(raw) != size:
            raise InvalidRequest(f"{self.path} became shorter while it was read", code="bad_file")
        if self.dtype == WIRE:
            return raw
        part = float32_array(np.frombuffer(raw, self.dtype), 1, str(self.path))
        return wire_bytes(part)

    def pieces(self) -> Iterator[bytes | memoryview]:
        """Read with blocking calls."""
        with self.path.open("rb") as file:
            file.seek(self.offset)
            for size in self.ranges():
                yield self.wire(file.read(size), size)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[AsyncIterator[bytes | memoryview]]:
        """Read in a worker thread, piece by piece."""
        async with aiofiles.open(self.path, "rb") as file:
            await file.seek(self.offset)
            yield self.read(file)

    async def read(self, file: AsyncBufferedReader) -> AsyncIterator[bytes | memoryview]:
        """The pieces of the open file."""
        for size in self.ranges():
            yield self.wire(await file.read(size), size)


async def in_turn(pieces: Iterable[bytes | memoryview]) -> AsyncIterator[bytes | memoryview]:
    """The same pieces, for those who await them."""
    for piece in pieces:
        yield piece


class BulkBody:
    """The vectors and the payloads after them, with their exact size in bytes."""

    def __init__(self, source: Rows, payloads: Payloads | None) -> None:
        self.source = source
        self.payloads = payloads
        # Encoded once to count and once to send: time instead of a second copy of all payloads.
        tail_bytes = sum(len(piece) for piece in self.tail())
        self.size_bytes = source.rows * source.dim * WIRE.itemsize + tail_bytes

    def tail(self) -> Iterator[bytes]:
        """The payloads as one JSON array."""
        if self.payloads is None:
            return
        for first in range(0, len(self.payloads), TAIL_ROWS):
            part = self.payloads[first : first + TAIL_ROWS]
            for place, payload in enumerate(part):
                if payload is not None and not isinstance(payload, Mapping):
                    raise InvalidRequest(f"payload {first + place} is not a mapping", code="bad_payload")
            text = bytes(encode_object(part, "bad_payload", f"payloads from {first}"))
            yield (b"[" if first == 0 else b",") + text[1:-1]
        yield b"]"

    def pieces(self) -> Iterator[bytes | memoryview]:
        """Everything, read with blocking calls."""
        yield from self.source.pieces()
        yield from self.tail()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[AsyncIterator[bytes | memoryview]]:
        """Everything, without blocking the event loop.

        The sender may lose interest in the middle, when the answer comes early: the file is closed
        here, not by an iterator that nobody finishes.
        """
        async with self.source.opened() as vectors:
            yield self.chained(vectors)

    async def chained(self, vectors: AsyncIterator[bytes | memoryview]) -> AsyncIterator[bytes | memoryview]:
        """The vectors, then the payloads."""
        async for piece in vectors:
            yield piece
        for part in self.tail():
            yield part


def bulk_body(vectors: Vectors, dim: int | None, payloads: Payloads | None) -> BulkBody:
    """The body for these vectors; InvalidRequest when they, ``dim`` and ``payloads`` do not fit."""
    if isinstance(vectors, str | os.PathLike):
        source: Rows = file_rows(Path(vectors), dim)
    else:
        source = array_rows(vectors)
    if dim is not None and dim != source.dim:
        raise InvalidRequest(f"dim={dim}, but the vectors have {source.dim} numbers", code="wrong_dim")
    if source.rows == 0 or source.dim == 0:
        raise InvalidRequest("there are no vectors to build from", code="bad_payload")
    if payloads is not None:
        payloads = payloads if isinstance(payloads, list | tuple) else list(payloads)
        if len(payloads) != source.rows:
            raise InvalidRequest(f"{len(payloads)} payloads for {source.rows} vectors", code="bad_payload")
    return BulkBody(source, payloads)


def array_rows(vectors: NDArray[Any] | Sequence[Vector]) -> ArrayRows:
    """Vectors in memory; each row's length is checked before anything is sent."""
    if isinstance(vectors, np.ndarray):
        if vectors.ndim != 2:
            raise InvalidRequest(f"vectors must be (n, dim), got shape {vectors.shape}", code="bad_vector")
        return ArrayRows(vectors, *vectors.shape)
    rows = vectors if isinstance(vectors, list | tuple) else list(vectors)
    dim = len(rows[0]) if rows else 0
    wrong = next((place for place, row in enumerate(rows) if len(row) != dim), None)
    if wrong is not None:
        raise InvalidRequest(f"row {wrong} has {len(rows[wrong])} numbers, row 0 has {dim}", code="wrong_dim")
    return ArrayRows(rows, len(rows), dim)


def file_rows(path: Path, dim: int | None) -> FileRows:
    """Vectors in a ``.npy`` file, or raw little-endian float32 of a given ``dim`` in any other."""
    if path.suffix == ".npy":
        return npy_rows(path)
    if dim is None or dim < 1:
        raise InvalidRequest(f"{path} has no header: say its dim", code="bad_dim")
    rows, rest = divmod(path.stat().st_size, WIRE.itemsize * dim)
    if rest:
        raise InvalidRequest(f"{path} is not a whole number of rows of {dim} float32", code="bad_file")
    return FileRows(path, 0, WIRE, rows, dim)


def npy_rows(path: Path) -> FileRows:
    """The vectors of a NumPy file, its header checked."""
    with path.open("rb") as file:
        try:
            version = np.lib.format.read_magic(file)
            read = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }[version]
            shape, fortran_order, dtype = read(file)
        except (ValueError, KeyError) as error:
            raise InvalidRequest(f"{path} is not a NumPy file: {error}", code="bad_file") from error
        offset = file.tell()
    if len(shape) != 2 or fortran_order or dtype.kind not in "fiu":
        reason = f"shape {shape}, type {dtype}{', Fortran order' if fortran_order else ''}"
        raise InvalidRequest(f"{path} must hold rows of numbers, not {reason}", code="bad_file")
    rows, dim = shape
    if path.stat().st_size < offset + rows * dim * dtype.itemsize:
        raise InvalidRequest(f"{path} is shorter than its header says", code="bad_file")
    return FileRows(path, offset, dtype, rows, dim)
