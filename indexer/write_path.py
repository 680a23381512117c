"""The write path: a write waits for room, is logged, and is answered once readers see it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from copy import copy

from msgspec.structs import replace

from asteroid_cloud.indexer.model.results import WriteCounts, WriteResult
from asteroid_cloud.indexer.recovery.supervisor import Supervisor
from asteroid_cloud.indexer.recovery.wiring import StoreParts
from asteroid_cloud.indexer.state.rw_lock import ReadWriteLock
from asteroid_cloud.indexer.write_events import Write
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.append import Unchanged
from asteroid_cloud.wal.errors import AsteroidError, Overloaded
from asteroid_cloud.wal.format import Event, RequestKey


class Writer:
    """The one way into the log of a store; every method is for its event loop."""

    def __init__(self, supervisor: Supervisor, request: RequestKey | None = None) -> None:
        """``request`` is the one that all of its writes belong to."""
        self._supervisor = supervisor
        self._request = request
        self._lock = ReadWriteLock()

    def of_request(self, request: RequestKey | None) -> Writer:
        """The same way into the log, for the writes of one request."""
        writer = copy(self)
        writer._request = request
        return writer

    def request_part(self, done: int) -> RequestKey | None:
        """The request for one of its several writes; those before have touched ``done`` ids."""
        return None if self._request is None else replace(self._request, done=done)

    @property
    def parts(self) -> StoreParts:
        """The parts at work; raises Overloaded ``not_ready`` during recovery, or why recovery failed."""
        opened = self._supervisor.opened
        if opened is None:
            phase = self._supervisor.phase
            if phase.error is not None:
                raise phase.error
            raise Overloaded(f"the store is {phase.name}", code="not_ready", retry_after_s=1.0)
        return opened

    @property
    def failure(self) -> AsteroidError | None:
        """Why no write is accepted any more, if so; reads go on."""
        return self.parts.log.poisoned or self.parts.applier.failure

    def check(self) -> None:
        """Raises the failure, if any: records that nobody sees now may appear after a restart."""
        if self.failure is not None:
            raise self.failure

    def alone(self) -> AbstractAsyncContextManager[None]:
        """Writes of other tasks wait until it ends; it begins when those under way are applied.

        A cancelled writer may have left a record that is applied later: a write within it notices that by its
        ``expected_lsn``.
        """
        return self._lock.alone()

    async def log(
        self, write: Write, expected_lsn: int | None = None, unchanged: Unchanged | None = None
    ) -> WriteResult:
        """Logs the events together, waits until they are durable and applied, and says what they did."""
        self.check()
        parts, events = self.parts, list[Event](write.events)
        expected = None if expected_lsn is None else Lsn(expected_lsn)
        async with self._lock.shared(), parts.backpressure.admitted(write.rows, write.bytes):
            last = await parts.log.append(
                events, expected_lsn=expected, unchanged=unchanged, request=self._request_of(events)
            )
            lsns = range(last - len(events) + 1, last + 1)
            outcomes = [await parts.applier.outcome(Lsn(lsn)) for lsn in lsns]
        affected = sum(outcome.affected for outcome in outcomes)
        replaced = sum(outcome.replaced for outcome in outcomes)
        counts = WriteCounts(inserted=affected, replaced=replaced, skipped=write.skipped)
        if outcomes[-1].counts is not None:  # such a record is logged alone
            counts = outcomes[-1].counts
        return WriteResult(last, affected, counts)

    def _request_of(self, events: list[Event]) -> RequestKey | None:
        """What is logged with the last event: those before it, one id each, are done by then."""
        request = self._request
        if request is None or request.done is None:
            return request
        return replace(request, done=request.done + len(events) - 1)
