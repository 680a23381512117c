"""Which snapshot a read gets, where it runs, and what it may cost.

A short read costs less than handing it over to a thread, so it runs in the event loop, within a bound that it
cannot pass. What may take longer runs in a thread: short, middling and long reads have threads of their own,
so that the costliest reads never keep cheaper ones waiting. What proves to cost more than was expected begins
again among the longer ones.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TypeVar

from asteroid_cloud import query
from asteroid_cloud.api.limits import MIN_LSN_WAIT_S_MAX
from asteroid_cloud.api.service.quality.options import QualityOptions
from asteroid_cloud.api.service.quality.quality import Quality
from asteroid_cloud.api.service.quality.sampling import SharedSampling
from asteroid_cloud.api.service.reading.bounds import ReadBounds, name_of
from asteroid_cloud.api.service.reading.lane import Lane
from asteroid_cloud.api.service.reading.lanes import ReadLanes
from asteroid_cloud.api.service.reading.retaken import Retaken
from asteroid_cloud.indexer import Engine, Ids, IndexSpec, Snapshot, TakeBytes, unbounded
from asteroid_cloud.query import (
    MATCH_ALL,
    NUMBER_BYTES,
    Facets,
    FieldInfo,
    FieldRange,
    Filter,
    FilterCache,
    OrderBy,
    Recall,
    RecallRequest,
    Record,
    ScrollPage,
    SearchRequest,
    SearchResult,
    Wanted,
    Work,
    estimates,
    seconds_of,
)
from asteroid_cloud.query.fields import Path
from asteroid_cloud.wal.errors import TooCostly
from asteroid_cloud.wal.limits import KIB

T = TypeVar("T")
Read = Callable[[TakeBytes, Work], T]
"""A read, as it is done in any thread."""

WORK_IN_PLACE_MAX = 8_000_000
"""The greatest estimate that runs in place: about half a millisecond."""
DONE_IN_PLACE_MAX = 4 * WORK_IN_PLACE_MAX
"""What is done in place before it is given up there: two milliseconds."""

BYTES_IN_PLACE_MAX = 256 * KIB
"""Payloads and vectors that are read, or written as JSON, in place."""


class ReadExecutor:
    """The reading side of a store; the blocking twin calls the query layer on its snapshots itself."""

    def __init__(
        self,
        engine: Engine,
        quality: QualityOptions | None = None,
        bounds: ReadBounds | None = None,
        lanes: ReadLanes | None = None,
        sampling: SharedSampling | None = None,
    ) -> None:
        """``lanes`` and ``sampling`` are those that it shares with other collections."""
        share = engine.budget.filters
        self.filter_cache = FilterCache(lambda: share.bytes_max, share.press)
        share.measure_with(lambda: self.filter_cache.bytes)
        share.shrink = self.filter_cache.shrink
        self.quality = Quality(self.filter_cache, quality or QualityOptions(), sampling)
        self.lanes = lanes or ReadLanes()
        self.bounds = bounds or ReadBounds()
        self._engine = engine

    @property
    def spec(self) -> IndexSpec | None:
        """What the index is; None before it is created."""
        return self._engine.spec

    async def snapshot(self, min_lsn: int = 0) -> Snapshot:
        """What the index holds now, ``min_lsn`` at least; raises as ``reach``, Conflict without index."""
        await self.reach(min_lsn)
        return self._engine.snapshot()

    async def reach(self, min_lsn: int) -> int:
        """Waits a bounded time until reads cover ``min_lsn``; returns the LSN that they do cover.

        Raises Overloaded ``not_caught_up``, and Conflict ``other_history`` for an LSN that was abandoned.
        """
        if min_lsn:
            self._engine.histories.check(min_lsn)
        if min_lsn > self._engine.applied_lsn:
            await self._engine.wait_for(min_lsn, MIN_LSN_WAIT_S_MAX)
        return self._engine.applied_lsn

    async def in_thread(self, function: Callable[[], T]) -> T:
        """Runs something short that is no read in one of the bounded worker threads."""
        return await self.lanes.short.run(function)

    async def for_load(self, function: Callable[[], T]) -> T:
        """Runs a part of a bulk load, which may take long, where it keeps no read waiting."""
        return await self.lanes.loading.run(function)

    def work(self, filter: Filter) -> Work:
        """What finding all that matches may do, in parts, each with the time of one read."""
        return Work(self.bounds.components, self.bounds.deadline_s, what=name_of(filter))

    async def next_part(self, function: Callable[[], T], work: Work) -> T:
        """Runs a part of a long read in a thread; ``work`` is what the read was begun with."""
        work.go_on()
        return await self.lanes.long.run(function, work.cancel, wait_s=self.bounds.deadline_s)

    async def at_once(self, read: Callable[[Work], T], filter: Filter = MATCH_ALL) -> T:
        """Runs something short in a thread that no long read occupies, for a caller that blocks others."""
        work = self.work(filter)
        return await self.lanes.urgent.run(partial(read, work), work.cancel)

    async def search(
        self, snapshot: Snapshot, request: SearchRequest, take: TakeBytes = unbounded
    ) -> SearchResult:
        """The nearest matches to one vector, or to the vector of one id; ``take`` bounds the columns."""
        request = self.quality.widened(request)
        cost = estimates.of_search(snapshot, request, self.filter_cache)
        result = await self._read(
            cost,
            request.filter,
            lambda taken, work: query.search(snapshot, request, self.filter_cache, taken, work),
            take,
        )
        self.quality.note(snapshot, request, result)
        return result

    async def search_batch(
        self, snapshot: Snapshot, requests: Sequence[SearchRequest], take: TakeBytes = unbounded
    ) -> list[SearchResult]:
        """Many searches of one snapshot."""
        requests = [self.quality.widened(request) for request in requests]
        cost = estimates.of_searches(snapshot, requests, self.filter_cache)
        costliest = max(requests, key=lambda request: request.filter.nodes, default=None)
        results = await self._read_in_thread(
            cost,
            MATCH_ALL if costliest is None else costliest.filter,
            lambda taken, work: query.search_batch(
                snapshot, requests, self.filter_cache, threads=self.lanes.threads, take=taken, work=work
            ),
            Retaken(take),
        )
        for request, result in zip(requests, results, strict=True):
            self.quality.note(snapshot, request, result)
        return results

    async def fetch(
        self, snapshot: Snapshot, ids: Ids, wanted: Wanted, take: TakeBytes = unbounded
    ) -> list[Record]:
        """The records of those ids that exist, in the order asked."""

        def read(taken: TakeBytes, work: Work) -> list[Record]:
            payload, vector, fields = wanted.payload, wanted.vector, wanted.fields
            records = query.fetch(
                snapshot, ids, payload=payload, vector=vector, fields=fields, take=taken, work=work
            )
            return [record for record in records if record is not None]

        cost = estimates.of_records(snapshot, len(ids), reads=wanted.payload)
        return await self._read(cost, MATCH_ALL, read, take)

    async def scroll(
        self,
        snapshot: Snapshot,
        filter: Filter,
        limit: int,
        cursor: str | None,
        wanted: Wanted,
        *,
        order: OrderBy | None = None,
        number_bytes: int = NUMBER_BYTES,
        bytes_max: int | None = None,
        take: TakeBytes = unbounded,
    ) -> ScrollPage:
        """The next page of the matches in the order of ids, or another, of ``bytes_max`` as JSON."""

        def read(taken: TakeBytes, work: Work) -> ScrollPage:
            return query.scroll(
                snapshot,
                self.filter_cache,
                limit=limit,
                filter=filter,
                cursor=cursor,
                order=order,
                payload=wanted.payload,
                vector=wanted.vector,
                fields=wanted.fields,
                number_bytes=number_bytes,
                bytes_max=bytes_max,
                take=taken,
                work=work,
            )

        cache = self.filter_cache
        cost = estimates.of_scroll(snapshot, filter, limit, cache, reads=wanted.payload, order=order)
        return await self._read_in_thread(cost, filter, read, Retaken(take))

    async def count(self, snapshot: Snapshot, filter: Filter) -> int:
        """How many records match."""
        if filter.matches_all:
            return snapshot.live
        cost = estimates.of_count(snapshot, filter, self.filter_cache)
        return await self._read_in_thread(
            cost, filter, lambda _, work: query.count(snapshot, self.filter_cache, filter, work)
        )

    async def facets(
        self,
        snapshot: Snapshot,
        path: Path,
        filter: Filter,
        limit: object,
        *,
        offset: object = 0,
        order: object = "count",
        contains: object = None,
    ) -> Facets:
        """The commonest values of a field, or those that ``query.facets`` is told of."""
        found = partial(query.facets, limit=limit, offset=offset, order=order, contains=contains)
        cost = estimates.of_fields(snapshot, filter, self.filter_cache)
        return await self._read_in_thread(
            cost, filter, lambda _, work: found(snapshot, self.filter_cache, path, filter, work=work)
        )

    async def field_range(self, snapshot: Snapshot, path: Path, filter: Filter) -> FieldRange:
        """The least and the greatest value of a field."""
        cost = estimates.of_fields(snapshot, filter, self.filter_cache)
        return await self._read_in_thread(
            cost,
            filter,
            lambda _, work: query.field_range(snapshot, self.filter_cache, path, filter, work),
        )

    async def field_list(self, snapshot: Snapshot) -> list[FieldInfo]:
        """Every field that payloads have."""
        cost = estimates.of_field_list(snapshot)
        return await self._read_in_thread(cost, MATCH_ALL, lambda _, work: query.field_list(snapshot, work))

    async def recall(self, snapshot: Snapshot, request: RecallRequest) -> Recall:
        """How much of the truth searches find; all such calls together keep one thread of their own busy."""
        request, found = self.quality.widened(request), list[float]()
        cost = estimates.of_recall(snapshot, request, self.filter_cache)
        self.bounds.check(cost, request.filter)
        work = self.work(request.filter)
        samples = query.recalls(snapshot, request, self.filter_cache, work)
        while (one := await self.lanes.measuring.run(partial(next, samples, None), work.cancel)) is not None:
            found.append(one)
        return query.summary_of(found)

    async def _read(self, cost: float, filter: Filter, read: Read[T], take: TakeBytes = unbounded) -> T:
        """Reads in place what is short; in a thread what is not, or proves not to be."""
        taken = Retaken(take)
        self.bounds.check(cost, filter)
        if cost <= WORK_IN_PLACE_MAX:
            with suppress(TooCostly):
                return read(taken.again(BYTES_IN_PLACE_MAX), Work(DONE_IN_PLACE_MAX, may_wait=False))
        return await self._read_in_thread(cost, filter, read, taken)

    async def _read_in_thread(
        self, cost: float, filter: Filter, read: Read[T], taken: Retaken | None = None
    ) -> T:
        """Reads in a thread among reads of about the same cost; raises TooCostly, Overloaded."""
        what, taken = name_of(filter), taken or Retaken(unbounded)
        self.bounds.check(cost, filter)
        until_s = time.monotonic() + self.bounds.deadline_s
        for storey in self.lanes.storeys:
            if cost > storey.cost_max:
                continue
            most = min(storey.done_max, self.bounds.components)
            try:
                return await self._in_lane(storey.lane, most, until_s, what, read, taken, seconds_of(cost))
            except TooCostly:
                if most == self.bounds.components or time.monotonic() >= until_s:
                    raise
        raise AssertionError("the last storey takes whatever may be read at all")

    async def _in_lane(
        self,
        lane: Lane,
        components: float,
        until_s: float,
        what: str,
        read: Read[T],
        taken: Retaken,
        expected_s: float,
    ) -> T:
        work = Work(components, until_s - time.monotonic(), what=what)
        return await lane.run(
            lambda: read(taken.again(), work),
            work.cancel,
            expected_s=expected_s,
            wait_s=until_s - time.monotonic(),
        )
