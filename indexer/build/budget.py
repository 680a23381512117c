"""Where the memory is: what each part of a store holds in RAM, and what it maps of files."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import msgspec

from asteroid_cloud.indexer.model.results import Building, MemoryUse
from asteroid_cloud.indexer.native import core
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.indexer.state.memtable import Memtable

ASK_EVERY_S = 0.05


class Work(msgspec.Struct, frozen=True):
    """What is known of a segment when its construction begins."""

    kind: Literal["seal", "merge", "bulk"]
    rows: int
    bytes: int
    steps: int
    """What ``progress`` will have counted when all rows are linked."""
    progress: core.Progress

    def told(self) -> Building:
        """How far it is."""
        return Building(self.kind, self.rows, self.bytes, min(1.0, self.progress.done / max(self.steps, 1)))


class Construction:
    """What segments are under construction; of merges and bulk loads, which take most, one at a time."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._works: dict[object, Work] = {}

    @property
    def held_bytes(self) -> int:
        """What all of it is estimated to take."""
        return sum(work.bytes for work in list(self._works.values()))

    def told(self) -> list[Building]:
        """Everything under construction."""
        return [work.told() for work in list(self._works.values())]

    @contextmanager
    def noted(self, work: Work) -> Iterator[None]:
        """Counts it for as long as the block runs."""
        holder = object()
        self._works[holder] = work
        try:
            yield
        finally:
            del self._works[holder]

    @contextmanager
    def in_turn(self, work: Work, check_wanted: Callable[[], None]) -> Iterator[None]:
        """The same, once no other such block runs; ``check_wanted`` raises to give up waiting for that."""
        while not self._turn.acquire(timeout=ASK_EVERY_S):
            check_wanted()
        try:
            with self.noted(work):
                yield
        finally:
            self._turn.release()


def memory_use(
    blocks: Sequence[Memtable], segments: Sequence[Segment], construction: Construction, log_buffer_bytes: int
) -> MemoryUse:
    """Adds up; asks the system about every page of the segments, so large stores want it in a thread."""
    parts: list[Memtable | Segment] = [*blocks, *segments]
    return MemoryUse(
        tail_vectors=sum(block.vector_bytes for block in blocks),
        tail_payloads=sum(block.payload_bytes for block in blocks),
        tail_ids=sum(block.directory_bytes for block in blocks),
        tombstones=sum(part.deletions.ram_bytes for part in parts),
        directories=sum(segment.directory_bytes for segment in segments),
        graphs=construction.held_bytes,
        log_buffers=log_buffer_bytes,
        mapped=sum(segment.native.mapped_bytes for segment in segments),
        mapped_cached=sum(segment.native.cached_bytes for segment in segments),
    )
