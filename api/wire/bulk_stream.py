"""A bulk body as it arrives: vectors go to the loader at once, the JSON after them to a temporary file.

Whatever the body's size, a piece of it is in memory, and counted: the rest is in the log or in the file.
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import AsyncIterator
from typing import IO

import numpy as np

from asteroid_cloud.api.service.checks import check_finite
from asteroid_cloud.api.service.read_executor import ReadExecutor
from asteroid_cloud.api.wire.batches import NamedTail, PayloadTail
from asteroid_cloud.indexer import BulkLoader, Gathering
from asteroid_cloud.wal.disk import translated
from asteroid_cloud.wal.errors import InvalidRequest
from asteroid_cloud.wal.limits import ID_BYTES_MAX

SPOOL = "the payloads of a bulk load"
"""What messages call the temporary file, which has no name."""
SEPARATOR_BYTES_MAX = 64
"""Bytes of white space and the comma that the tail may spend on each payload."""
NAME_TEXT_BYTES_MAX = 6 * ID_BYTES_MAX + 64
"""What an id that is a string may take in JSON, with the names of the fields."""


async def load_body(
    loader: BulkLoader,
    chunks: AsyncIterator[bytes],
    rows: int,
    dim: int,
    folder: str,
    reads: ReadExecutor,
    payload_bytes_max: int,
) -> None:
    """Gives a loader the vectors and payloads of a body, without committing them.

    Raises InvalidRequest: ``bad_payload`` for a body that is too short or long or has a bad tail,
    ``bad_vector`` for a number that is not finite.
    """
    with _temporary_file(folder) as tail:
        vectors = VectorStream(loader, rows, dim)
        id_bytes = NAME_TEXT_BYTES_MAX if loader.needs_ids else 0
        bytes_max = rows * (payload_bytes_max + SEPARATOR_BYTES_MAX + id_bytes)
        spool = Spool(tail, bytes_max, reads, loader.gathering)
        async for chunk in chunks:
            rest = await vectors.take(chunk)
            if rest:
                await spool.take(rest)
        await vectors.finish()
        await spool.finish()
        if loader.needs_ids and not spool.size_bytes:
            raise InvalidRequest(
                "the ids of this index are strings: the body must say them", code="bad_payload"
            )
        if spool.size_bytes:
            await load_tail(loader, tail, rows, reads, payload_bytes_max)


def _temporary_file(folder: str) -> IO[bytes]:
    with translated("write", SPOOL):
        # Without a buffer: closing one that could not be written would fail once more.
        return tempfile.TemporaryFile(dir=folder, buffering=0)


async def load_tail(
    loader: BulkLoader, tail: IO[bytes], rows: int, reads: ReadExecutor, payload_bytes_max: int
) -> None:
    """Gives a loader the payloads in a file, all of them checked before the first is taken."""
    with mmap.mmap(tail.fileno(), 0, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as text:
        if loader.needs_ids:
            await _load_named(loader, text, rows, reads, payload_bytes_max)
            return
        payloads = await reads.for_load(lambda: PayloadTail(text, rows, payload_bytes_max))
        slices = payloads.slices()
        while (some := await reads.for_load(lambda: next(slices, None))) is not None:
            await loader.payloads(*some)


async def _load_named(
    loader: BulkLoader, text: memoryview, rows: int, reads: ReadExecutor, payload_bytes_max: int
) -> None:
    """The same of a tail that has the ids too."""
    tail = await reads.for_load(lambda: NamedTail(text, rows, payload_bytes_max))
    slices = tail.slices()
    while (some := await reads.for_load(lambda: next(slices, None))) is not None:
        first, ids, payloads = some
        await loader.ids(first, ids)
        if any(payloads):
            await loader.payloads(first, payloads)


class VectorStream:
    """Turns bytes into rows and hands them over a piece at a time."""

    def __init__(self, loader: BulkLoader, rows: int, dim: int) -> None:
        self._loader = loader
        self._dim = dim
        self._missing = 4 * rows * dim
        self._piece = bytearray()

    async def take(self, chunk: bytes) -> bytes:
        """Takes what still belongs to the vectors; returns the rest."""
        taken = min(len(chunk), self._missing)
        self._missing -= taken
        self._piece += chunk[:taken]
        self._loader.gathering.bytes = len(self._piece)
        if len(self._piece) >= self._loader.gathering.piece_bytes:
            await self._hand_over()
        return chunk[taken:]

    async def finish(self) -> None:
        """Hands over the last rows; raises InvalidRequest ``bad_payload`` if there are too few."""
        if self._missing:
            raise InvalidRequest(
                f"the body ends {self._missing} bytes before the last vector does", code="bad_payload"
            )
        await self._hand_over()

    async def _hand_over(self) -> None:
        whole = len(self._piece) // (4 * self._dim)
        if whole:
            piece = self._piece
            vectors = np.frombuffer(piece, "<f4", whole * self._dim).reshape(whole, self._dim)
            check_finite(vectors, f"the vectors from row {self._loader.row_count}")
            self._piece = piece[vectors.nbytes :]
            await self._loader.rows(vectors)
        self._loader.gathering.bytes = len(self._piece)


class Spool:
    """Writes bytes to a file in worker threads, a piece at a time."""

    def __init__(self, file: IO[bytes], bytes_max: int, reads: ReadExecutor, gathering: Gathering) -> None:
        self._gathering = gathering
        self.size_bytes = 0
        self._file = file
        self._bytes_max = bytes_max
        self._reads = reads
        self._piece = bytearray()

    async def take(self, chunk: bytes) -> None:
        """Adds bytes; raises InvalidRequest ``bad_payload`` when they are more than there can be."""
        self.size_bytes += len(chunk)
        if self.size_bytes > self._bytes_max:
            raise InvalidRequest("the body is longer than its payloads may be", code="bad_payload")
        self._piece += chunk
        self._gathering.bytes = len(self._piece)
        if len(self._piece) >= self._gathering.piece_bytes:
            await self.finish()

    async def finish(self) -> None:
        """Writes what is left."""
        piece, self._piece = self._piece, bytearray()
        if piece:
            await self._reads.for_load(lambda: self._write(piece))
        self._gathering.bytes = 0

    def _write(self, piece: bytearray) -> None:
        with translated("write", SPOOL), memoryview(piece) as left:
            written = 0
            while written < len(left):
                written += self._file.write(left[written:])
