"""How much one read may do: its steps are counted, its time is bounded, and it can be cancelled.

A read is given a ``Work`` and reports to it before each part of what it does, at least every few
milliseconds. What the report raises ends the read. Nothing that a read keeps for the next one is kept half.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from threading import Lock
from types import TracebackType

from asteroid_cloud.indexer import TakeBytes
from asteroid_cloud.indexer.native import core
from asteroid_cloud.query.costs import COMPONENTS_A_SECOND, READING, seconds_of
from asteroid_cloud.wal.errors import Cancelled, TooCostly

STEPS_MAX = 2**62
"""For work without a bound."""
LOOK_EVERY_S = 0.002
"""How often one that waits for another read looks whether it is to end."""


class InCore:
    """A block of native code that reports to a ``Work``."""

    __slots__ = ("_work",)

    def __init__(self, work: Work) -> None:
        self._work = work

    def __enter__(self) -> core.Allowance:
        return self._work.native

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, core.Cancelled):
            raise self._work.ended() from None


class Work:
    """What is left to one read. Any thread may report to it or cancel it."""

    def __init__(
        self,
        components: float = inf,
        seconds: float = inf,
        *,
        what: str = "the read",
        may_wait: bool = True,
    ) -> None:
        """``components`` is what it may cost (see ``costs``), ``seconds`` how long it may take from now on.

        ``what`` names it in errors. With ``may_wait`` false it raises TooCostly where it would have to wait
        for another read.
        """
        self.native = core.Allowance(int(min(components, STEPS_MAX)), seconds)
        self._seconds = seconds
        self._what = what
        self._may_wait = may_wait

    @property
    def spent(self) -> int:
        """The components that were reported until now."""
        return self.native.spent

    def spend(self, components: float) -> None:
        """Reports what is about to be done.

        Raises TooCostly when it is more than is left, or the time is over; Cancelled.
        """
        try:
            self.native.spend(int(components))
        except core.Cancelled:
            raise self.ended() from None

    def check(self) -> None:
        """As ``spend``, where nothing is done."""
        self.spend(0)

    def go_on(self) -> None:
        """Begins to count the time anew, for a read that is done in parts with other things in between."""
        self.native.restart(self._seconds)

    def cancel(self) -> None:
        """Has it end with Cancelled at its next report."""
        self.native.cancel()

    def ended(self) -> TooCostly | Cancelled:
        """Why it had to end."""
        if self.native.is_cancelled:
            return Cancelled(f"{self._what} was cancelled")
        if self.native.spent > self.native.steps_max:
            return too_costly(self._what, self.native.steps_max, "takes")
        return TooCostly(
            f"{self._what} takes longer than {self._seconds:.3g} s, the time that one read may take",
            limit_s=self._seconds,
        )

    def in_core(self) -> InCore:
        """What native code reports to within the block."""
        return InCore(self)

    def counting(self, take: TakeBytes) -> TakeBytes:
        """``take`` for columns that are read, of which each reading is reported here first."""

        def counted(size: int) -> None:
            self.spend(READING + size)
            take(size)

        return counted

    @contextmanager
    def holding(self, lock: Lock) -> Iterator[None]:
        """Holds a lock within the block, and goes on looking whether it is to end while it waits."""
        while not lock.acquire(blocking=False):
            if not self._may_wait:
                raise TooCostly(f"{self._what} would have to wait for another read")
            if lock.acquire(timeout=LOOK_EVERY_S):
                break
            self.check()
        try:
            yield
        finally:
            lock.release()


UNBOUNDED = Work()
"""For reads that may do whatever they have to; nobody cancels it."""


def too_costly(what: str, components_max: float, takes: str = "would take") -> TooCostly:
    """The error of a read that costs more than ``components_max``."""
    limit_s = components_max / COMPONENTS_A_SECOND
    return TooCostly(
        f"{what} {takes} more work than one read may: {limit_s:.3g} s of one processor, by its estimate",
        limit_s=round(seconds_of(components_max), 6),
    )
