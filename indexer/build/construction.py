"""Which segments are under construction, how far they are, and which of them has to wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import msgspec

from asteroid_cloud.indexer.memory.budget import MemoryBudget
from asteroid_cloud.indexer.model.results import Building
from asteroid_cloud.indexer.native import core

ASK_EVERY_S = 0.05
"""How often a build that waits asks whether it is still wanted."""


class Work(msgspec.Struct, frozen=True):
    """What is known of a segment when its construction begins."""

    kind: Literal["seal", "merge", "bulk"]
    rows: int
    bytes: int
    """An estimate of the RAM that it takes."""
    steps: int
    """What ``progress`` will have counted when all rows are linked."""
    progress: core.Progress

    def report(self) -> Building:
        """How far it is."""
        return Building(self.kind, self.rows, self.bytes, min(1.0, self.progress.done / max(self.steps, 1)))


class Construction:
    """All segments under construction. Merges and bulk loads use one share of the budget, one at a time."""

    def __init__(self, budget: MemoryBudget) -> None:
        self._large = threading.Lock()
        """Held by the merge or bulk load that builds."""
        self._works: dict[object, Work] = {}
        budget.sealing.measure_with(lambda: self._bytes_of("seal"))
        budget.building.measure_with(lambda: self._bytes_of("merge", "bulk"))

    def report(self) -> list[Building]:
        """How far each segment is."""
        return [work.report() for work in list(self._works.values())]

    @contextmanager
    def listed(self, work: Work) -> Iterator[None]:
        """Lists it for as long as the block runs."""
        entry = object()
        self._works[entry] = work
        try:
            yield
        finally:
            del self._works[entry]

    @contextmanager
    def queued(self, work: Work, check_wanted: Callable[[], None]) -> Iterator[None]:
        """The same, once no other such block runs; ``check_wanted`` may raise to give up waiting."""
        while not self._large.acquire(timeout=ASK_EVERY_S):
            check_wanted()
        try:
            with self.listed(work):
                yield
        finally:
            self._large.release()

    def _bytes_of(self, *kinds: str) -> int:
        return sum(work.bytes for work in list(self._works.values()) if work.kind in kinds)
