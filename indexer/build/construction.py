"""Which segments are under construction, how far they are, and which of them has to wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Literal

import msgspec

from asteroid_cloud.indexer.memory.budget import MemoryBudget
from asteroid_cloud.indexer.memory.share import Share
from asteroid_cloud.indexer.model.results import Building
from asteroid_cloud.indexer.native import core


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
    """All segments of one index under construction, and which share of the memory budget each of them uses.

    Merges and bulk loads of all collections use the share for building, one at a time. Seals have a share of
    their own, one at a time too, and one may use the share for building instead while nobody else does.
    """

    def __init__(self, budget: MemoryBudget) -> None:
        self._budget = budget
        self._sealing, self._building = budget.shared.sealing, budget.shared.building
        self._works: dict[object, tuple[Work, Share]] = {}
        budget.sealing.measure_with(lambda: self._bytes_within(budget.sealing))
        budget.building.measure_with(lambda: self._bytes_within(budget.building))

    def report(self) -> list[Building]:
        """How far each segment is."""
        return [work.report() for work, _ in list(self._works.values())]

    @property
    def is_idle(self) -> bool:
        """Whether nothing of this index is built, and no other one uses or wants the share for building."""
        return not self._works and self._building.is_free_for(self)

    @property
    def seal_share(self) -> Share:
        """The share that a seal which began now would use."""
        return self._budget.building if self._building.is_free else self._budget.sealing

    def seal_turn(self) -> AbstractAsyncContextManager[None]:
        """Waits until no other collection seals; the block is this one's turn."""
        return self._sealing.turn(self)

    def build_turn(self) -> AbstractAsyncContextManager[None]:
        """Waits until nobody else uses the share for building; the block is this index's turn."""
        return self._building.turn(self)

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
        """The same in a turn at the share for building, which a thread waits for.

        ``check_wanted`` may raise to give up.
        """
        with (
            self._building.turn_in_thread(self, check_wanted),
            self.listed(work, self._budget.building),
        ):
            yield

    @contextmanager
    def sealing(
        self, work_within: Callable[[Share], Work], *, is_large: bool
    ) -> Iterator[tuple[Work, Share]]:
        """Lists a seal, whose turn it is, for as long as the block runs.

        A large one uses the share for building, if that is free.
        """
        borrows = is_large and self._building.try_take(self)
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
