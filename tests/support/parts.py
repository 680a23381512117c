"""Snapshots made by hand from rows in RAM, without an engine or a disk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer import IndexSpec, PartView, Snapshot, TakeBytes, unbounded
from asteroid_cloud.indexer.native import core
from asteroid_cloud.wal.lsn import Lsn

Vectors = NDArray[np.float32]


class FakePart:
    """Rows in RAM that record which payloads were read. They may pretend to have a graph."""

    def __init__(self, spec: IndexSpec, number: int, capacity: int, *, is_flat: bool = True) -> None:
        self.key = ("fake", number)
        self.is_flat = is_flat
        self.native = core.Rows(spec.dim, spec.native_metric, spec.has_fine, capacity, spec.outliers)
        self.texts: list[bytes] = []
        self.payloads_read: list[int] = []

    fields = None
    has_large_payloads = False
    bare_rows = 0

    @property
    def payload_bytes(self) -> int:
        """Of all texts."""
        return sum(map(len, self.texts))

    def find(self, ids: NDArray[np.uint64], rows: int) -> NDArray[np.int64]:
        """The newest row below ``rows`` that holds each id, or -1."""
        return self.native.find(ids, rows)

    def payloads(self, ordinals: NDArray[np.uint32], take: TakeBytes = unbounded) -> list[bytes]:
        """The payload text of each row, noted."""
        self.payloads_read += ordinals.tolist()
        return [self.texts[ordinal] for ordinal in ordinals.tolist()]


class World:
    """Memtables that a test fills, and snapshots of them."""

    def __init__(self, dim: int = 4, metric: str = "l2", *, capacity: int = 4096) -> None:
        self.spec = IndexSpec(dim, metric)
        self.blocks: list[FakePart] = []
        self._dead: list[set[int]] = []
        self._capacity = capacity
        self._lsn = 0

    def add_block(self, *, is_flat: bool = True) -> FakePart:
        """Begins an empty memtable; rows are added to the newest."""
        block = FakePart(self.spec, len(self.blocks), self._capacity, is_flat=is_flat)
        self.blocks.append(block)
        self._dead.append(set())
        return block

    def upsert(
        self, ids: Sequence[int], vectors: Vectors | None = None, payloads: Iterable[bytes] = ()
    ) -> None:
        """Adds rows to the newest memtable and marks those that they replace deleted."""
        if not self.blocks:
            self.add_block()
        self.delete(ids)
        if vectors is None:
            vectors = np.zeros((len(ids), self.spec.dim), np.float32)
        records = self.spec.encode(vectors)
        texts = list(payloads) or [b""] * len(ids)
        self.blocks[-1].texts += texts
        self.blocks[-1].native.append(np.array(ids, np.uint64), records)

    def delete(self, ids: Iterable[int]) -> None:
        """Marks the living rows of some ids deleted."""
        wanted = np.array(list(ids), np.uint64)
        for view, dead in zip(self.snapshot().parts, self._dead, strict=True):
            rows = view.find(wanted)
            dead.update(rows[rows >= 0].tolist())
        self._lsn += 1

    def snapshot(self) -> Snapshot:
        """What there is now."""
        views = tuple(_view(block, dead) for block, dead in zip(self.blocks, self._dead, strict=True))
        return Snapshot(Lsn(self._lsn), self.spec, views, sum(view.live for view in views))


def _view(block: FakePart, dead: set[int]) -> PartView:
    rows = block.native.rows
    flags = np.ones(rows, np.bool_)
    flags[list(dead)] = False
    alive = np.packbits(flags, bitorder="little") if dead else None
    return PartView(block, rows, rows - len(dead), alive)


def random_vectors(rows: int, dim: int, seed: int = 0) -> Vectors:
    """Vectors from a normal distribution."""
    return np.random.default_rng(seed).standard_normal((rows, dim)).astype(np.float32)
