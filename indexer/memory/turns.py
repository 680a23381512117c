"""Whose turn it is to build, where there is memory for one build at a time over all collections."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from weakref import WeakKeyDictionary

ASK_EVERY_S = 0.05
"""How often a thread that waits asks whether its build is still wanted."""


class Turns:
    """One at a time. Of the owners who wait, the one goes first whose last turn ended longest ago.

    So however many builds one collection has, each other gets its turn between them. Tasks wait without a
    thread, threads wait too; any thread may ask.
    """

    def __init__(self, bytes_max: Callable[[], int]) -> None:
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        self._holder: object | None = None
        self._waiting: list[tuple[object, Future[None]]] = []
        self._numbers = itertools.count(1)
        self._ended: WeakKeyDictionary[object, int] = WeakKeyDictionary()
        """By owner, the number of its last turn; none is less than any."""

    @property
    def bytes_max(self) -> int:
        """What the one whose turn it is may use."""
        return self._bytes_max()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @property
    def is_free(self) -> bool:
        """Whether a turn would begin at once."""
        return self._holder is None and not self._waiting

    def is_free_for(self, owner: object) -> bool:
        """Whether nobody waits, and nobody but ``owner`` builds."""
        return self._holder in (None, owner) and not self._waiting

    def try_take(self, owner: object) -> bool:
        """Begins a turn if nobody has or waits for one; ``release`` ends it."""
        with self._lock:
            if self._holder is not None or self._waiting:
                return False
            self._holder = owner
            return True

    def release(self) -> None:
        """Ends the turn under way; the next one begins."""
        with self._lock:
            holder, self._holder = self._holder, None
            assert holder is not None, "no turn is under way"
            self._ended[holder] = next(self._numbers)
            self._pass_on()

    @asynccontextmanager
    async def turn(self, owner: object) -> AsyncIterator[None]:
        """Waits for a turn, which lasts as long as the block; for tasks."""
        mine = self._ask(owner)
        try:
            if not mine.done():
                await asyncio.wrap_future(mine)
        except BaseException:
            self._leave(mine)
            raise
        try:
            yield
        finally:
            self.release()

    @contextmanager
    def turn_in_thread(self, owner: object, check_wanted: Callable[[], None]) -> Iterator[None]:
        """The same for a thread; ``check_wanted`` may raise to give up."""
        mine = self._ask(owner)
        try:
            while not mine.done():
                check_wanted()
                _wait(mine)
        except BaseException:
            self._leave(mine)
            raise
        try:
            yield
        finally:
            self.release()

    def _ask(self, owner: object) -> Future[None]:
        mine: Future[None] = Future()
        mine.set_running_or_notify_cancel()  # whoever waits may be cancelled; the turn may come all the same
        with self._lock:
            self._waiting.append((owner, mine))
            if self._holder is None:
                self._pass_on()
        return mine

    def _leave(self, mine: Future[None]) -> None:
        with self._lock:
            left = [each for each in self._waiting if each[1] is not mine]
            was_waiting = len(left) < len(self._waiting)
            self._waiting = left
        if not was_waiting:  # its turn had come just now
            self.release()

    def _pass_on(self) -> None:
        if self._waiting:
            chosen = min(self._waiting, key=lambda each: self._ended.get(each[0], 0))
            self._waiting.remove(chosen)
            self._holder, mine = chosen
            mine.set_result(None)


def _wait(mine: Future[None]) -> None:
    try:
        mine.result(timeout=ASK_EVERY_S)
    except TimeoutError:
        return
