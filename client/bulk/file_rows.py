"""Rows in a file: NumPy's format, or raw numbers. The only module of the clients that reads files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiofiles
import numpy as np

from asteroid_cloud.client.bulk.rows import PIECE_BYTES, WIRE, wire_bytes
from asteroid_cloud.client.errors import InvalidRequest
from asteroid_cloud.client.protocol.encoding import float32_array

if TYPE_CHECKING:
    from aiofiles.threadpool.binary import AsyncBufferedReader


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
