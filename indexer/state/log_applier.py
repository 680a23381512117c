"""The applier follows the log, applies each record to the state and publishes what readers see."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from contextlib import AbstractAsyncContextManager, nullcontext

import anyio
from anyio import to_thread

from asteroid_cloud.indexer.model.snapshot import Snapshot
from asteroid_cloud.indexer.state.apply_record import Outcome, apply_all
from asteroid_cloud.indexer.state.state import State
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.append import Log
from asteroid_cloud.wal.errors import AsteroidError, Overloaded, StorageError
from asteroid_cloud.wal.format import Record

OUTCOMES_MAX = 65_536


class Applier:
    """Owns the lock of the state: its holder may read or change the state; readers need only the snapshot."""

    def __init__(self, state: State, threads: AbstractAsyncContextManager[object] | None = None) -> None:
        """``threads`` are places for all that apply records at the same time; by default there is one."""
        self.lock = anyio.Lock()
        self.snapshot: Snapshot | None = None
        self.applied_lsn = Lsn(0)
        self.last_write_s = 0.0
        """When the last record was applied, by the monotonic clock."""
        self.applied = anyio.Event()
        """Set and replaced after every group."""
        self.failure: AsteroidError | None = None
        self._state = state
        self._one_at_a_time = anyio.CapacityLimiter(1)
        self._threads = threads or nullcontext()
        self._outcomes: OrderedDict[Lsn, Outcome] = OrderedDict()
        """Of records whose outcome was not asked for yet."""
        self._asked: dict[Lsn, asyncio.Future[Outcome]] = {}
        """Who waits for the outcome of which record: there may be thousands, and each is woken alone."""

    async def replay(self, records: list[Record]) -> None:
        """Applies records that were logged before the store was opened; nobody waits for their outcomes."""
        async with self.lock:
            await self._apply(records)

    async def follow(self, log: Log) -> None:
        """Applies whatever becomes durable, for ever."""
        async for records in log.tail(Lsn(self._state.applied_lsn + 1)):
            async with self.lock:
                outcomes = await self._apply(records)
            for record, outcome in zip(records, outcomes, strict=True):
                asked = self._asked.pop(record.lsn, None)
                if asked is None:
                    self._outcomes[record.lsn] = outcome
                elif not asked.done():
                    asked.set_result(outcome)
            while len(self._outcomes) > OUTCOMES_MAX:
                self._outcomes.popitem(last=False)
            self._announce()

    async def _apply(self, records: list[Record]) -> list[Outcome]:
        async with self._threads:
            outcomes = await to_thread.run_sync(apply_all, self._state, records, limiter=self._one_at_a_time)
        self.publish()
        return outcomes

    def publish(self) -> None:
        """Makes the state, as it is now, what readers get; call it with ``lock`` held."""
        self.snapshot = self._state.snapshot()
        self.applied_lsn = self._state.applied_lsn

    def _announce(self) -> None:
        self.last_write_s = time.monotonic()
        self.applied.set()
        self.applied = anyio.Event()

    def fail(self, error: AsteroidError) -> None:
        """Nothing will be applied any more: wakes all that wait, with the reason."""
        self.failure = error
        for asked in self._asked.values():
            if not asked.done():
                asked.set_exception(_not_applied(error))
        self._asked.clear()
        self._announce()

    async def outcome(self, lsn: Lsn) -> Outcome:
        """What record ``lsn`` did, once it is applied; raises the outcome's error. One may ask for each."""
        outcome = self._outcomes.pop(lsn, None)
        if outcome is None:
            if self.failure is not None:
                raise _not_applied(self.failure)
            asked = self._asked[lsn] = asyncio.get_running_loop().create_future()
            try:
                outcome = await asked
            finally:
                self._asked.pop(lsn, None)
        if outcome.error is not None:
            raise outcome.error
        return outcome

    async def wait_for(self, lsn: Lsn, timeout_s: float) -> None:
        """Returns once readers see record ``lsn``.

        Raises Overloaded ``not_caught_up`` after the timeout, and at once why nothing is applied any more.
        """
        with anyio.move_on_after(timeout_s):
            while self.applied_lsn < lsn and self.failure is None:
                await self.applied.wait()
        if self.applied_lsn < lsn:
            if self.failure is not None:
                raise self.failure
            raise Overloaded(
                f"LSN {lsn} is not applied yet; the newest is {self.applied_lsn}", code="not_caught_up"
            )


def _not_applied(failure: AsteroidError) -> StorageError:
    return StorageError(
        f"the write is durable but could not be applied: {failure.message}", code=failure.code
    )
