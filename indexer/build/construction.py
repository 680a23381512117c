"""Which segments are under construction, how far they are, and which of them has to wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import msgspec

from asteroid_cloud.indexer.memory.budget import MemoryBudget, Share
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
    """All segments under construction, and whose share of the memory budget each of them uses.

    Merges and bulk loads use the share for building, one at a time. A seal has a share of its own, and may
    use the share for building instead while nobody else does.
    """

    def __init__(self, budget: MemoryBudget) -> None:
        self._budget = budget
        self._building = threading.Lock()
        """Held by the one that uses the share for building."""
        self._waiting = 0
        self._works: dict[object, tuple[Work, Share]] = {}
        budget.sealing.measure_with(lambda: self._bytes_within(budget.sealing))
        budget.building.measure_with(lambda: self._bytes_within(budget.building))

    def report(self) -> list[Building]:
        """How far each segment is."""
        return [work.report() for work, _ in list(self._works.values())]

    @property
    def is_idle(self) -> bool:
        """Whether nothing is built or waits to be."""
        return not self._works and not self._waiting

    @property
    def seal_share(self) -> Share:
        """The share that a seal which began now would use."""
        is_free = not self._building.locked() and not self._waiting
        return self._budget.building if is_free else self._budget.sealing

    @contextmanager
    def listed(self, work: Work, share: Share) -> Iterator[None]:
        """Lists it for as long as the block runs."""
        entry = object()
        self._works[entry] = work, share
        try:
            yield
        finally:
            del self._works[entry]

    @contextmanager
    def queued(self, work: Work, check_wanted: Callable[[], None]) -> Iterator[None]:
        """The same, once nobody else uses the share for building; ``check_wanted`` may raise to give up."""
        self._waiting += 1
        try:
            while not self._building.acquire(timeout=ASK_EVERY_S):
                check_wanted()
        finally:
            self._waiting -= 1
        try:
            with self.listed(work, self._budget.building):
                yield
        finally:
            self._building.release()

    @contextmanager
    def sealing(
        self, work_within: Callable[[Share], Work], *, is_large: bool
    ) -> Iterator[tuple[Work, Share]]:
        """Lists a seal for as long as the block runs; it never waits.

        A large one uses the share for building, if that is free.
        """
        borrows = is_large and not self._waiting and self._building.acquire(blocking=False)
        share = self._budget.building if borrows else self._budget.sealing
        try:
            work = work_within(share)
            with self.listed(work, share):
                yield work, share
        finally:
            if borrows:
                self._building.release()

    def _bytes_within(self, share: Share) -> int:
        return sum(work.bytes for work, used in list(self._works.values()) if used is share)
