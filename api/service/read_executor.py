"""Which snapshot a read gets, and whether it runs in place or in a worker thread.

A short search costs less than handing it over to a thread, so it runs in the event loop. Everything that may
take longer runs in one bounded set of threads, so that the event loop always answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from anyio import CapacityLimiter, to_thread
from numpy.typing import NDArray

from asteroid_cloud import query
from asteroid_cloud.api.limits import MIN_LSN_WAIT_S_MAX
from asteroid_cloud.api.service.process_info import processors
from asteroid_cloud.api.service.quality.options import QualityOptions
from asteroid_cloud.api.service.quality.quality import Quality
from asteroid_cloud.indexer import Engine, Snapshot, TakeBytes, unbounded
from asteroid_cloud.query import (
    Facets,
    FieldRange,
    Filter,
    FilterCache,
    Recall,
    RecallRequest,
    Record,
    ScrollPage,
    SearchRequest,
    SearchResult,
)
from asteroid_cloud.query.fields import Path
from asteroid_cloud.query.knn import estimate_records
from asteroid_cloud.wal.limits import KIB

T = TypeVar("T")

WORK_IN_PLACE_MAX = 8_000_000
"""The greatest estimate that runs in place, in components (rows × dimension): about half a millisecond."""


BYTES_IN_PLACE_MAX = 256 * KIB
"""Payloads and vectors that are read, or written as JSON, in place."""


class _TooMuchInPlace(Exception):
    """What is read in place has more bytes than BYTES_IN_PLACE_MAX."""


class _InPlaceMeter:
    """Counts what is read in place."""

    def __init__(self) -> None:
        self.bytes = 0

    def take(self, size: int) -> None:
        """Counts; raises _TooMuchInPlace."""
        self.bytes += size
        if self.bytes > BYTES_IN_PLACE_MAX:
            raise _TooMuchInPlace


class ReadExecutor:
    """The reading side of a store; the blocking twin calls the query layer on its snapshots itself."""

    def __init__(self, engine: Engine, quality: QualityOptions | None = None) -> None:
        share = engine.budget.filters
        self.filter_cache = FilterCache(lambda: share.bytes_max)
        share.measure_with(lambda: self.filter_cache.bytes)
        self.quality = Quality(self.filter_cache, quality or QualityOptions())
        self.threads = processors()
        self._engine = engine
        self._limiter = CapacityLimiter(max(2, self.threads))
        self._urgent = CapacityLimiter(1)
        self._measuring = CapacityLimiter(1)

    async def snapshot(self, min_lsn: int = 0) -> Snapshot:
        """What the index holds now, ``min_lsn`` at least.

        Raises Overloaded ``not_caught_up`` when that takes too long, Conflict without an index or for a
        ``min_lsn`` that was abandoned (``other_history``).
        """
        await self.reach(min_lsn)
        return self._engine.snapshot()

    async def reach(self, min_lsn: int) -> int:
        """Waits a bounded time until reads cover ``min_lsn``; returns the LSN that they do cover.

        Raises as ``snapshot``.
        """
        if min_lsn:
            self._engine.histories.check(min_lsn)
        if min_lsn > self._engine.applied_lsn:
            await self._engine.wait_for(min_lsn, MIN_LSN_WAIT_S_MAX)
        return self._engine.applied_lsn

    async def in_thread(self, function: Callable[[], T]) -> T:
        """Runs it in one of the bounded worker threads."""
        return await to_thread.run_sync(function, limiter=self._limiter)

    async def at_once(self, function: Callable[[], T]) -> T:
        """Runs something short in a thread that no long read occupies, for a caller that blocks others."""
        return await to_thread.run_sync(function, limiter=self._urgent)

    async def search(
        self, snapshot: Snapshot, request: SearchRequest, take: TakeBytes = unbounded
    ) -> SearchResult:
        """The nearest matches to one vector, or to the vector of one id; ``take`` bounds the columns."""
        request = self.quality.widened(request)
        result = await self._short_or_in_thread(
            self.is_short(snapshot, request),
            lambda taken: query.search(snapshot, request, self.filter_cache, taken),
            take,
        )
        self.quality.note(snapshot, request, result)
        return result

    async def search_batch(
        self, snapshot: Snapshot, requests: Sequence[SearchRequest], take: TakeBytes = unbounded
    ) -> list[SearchResult]:
        """Many searches of one snapshot."""
        requests = [self.quality.widened(request) for request in requests]
        results = await self.in_thread(
            lambda: query.search_batch(snapshot, requests, self.filter_cache, threads=self.threads, take=take)
        )
        for request, result in zip(requests, results, strict=True):
            self.quality.note(snapshot, request, result)
        return results

    async def fetch(
        self,
        snapshot: Snapshot,
        ids: NDArray[np.uint64],
        *,
        payload: bool,
        vector: bool,
        take: TakeBytes = unbounded,
    ) -> list[Record]:
        """The records of those ids that exist, in the order asked."""

        def run(taken: TakeBytes) -> list[Record]:
            records = query.fetch(snapshot, ids, payload=payload, vector=vector, take=taken)
            return [record for record in records if record is not None]

        return await self._short_or_in_thread(estimate_records(len(ids)) <= WORK_IN_PLACE_MAX // 4, run, take)

    async def scroll(
        self,
        snapshot: Snapshot,
        filter: Filter,
        limit: int,
        cursor: str | None,
        *,
        payload: bool,
        vector: bool,
        bytes_max: int | None = None,
        take: TakeBytes = unbounded,
    ) -> ScrollPage:
        """The next page of the matches in id order, of ``bytes_max`` as JSON."""
        return await self.in_thread(
            lambda: query.scroll(
                snapshot,
                self.filter_cache,
                limit=limit,
                filter=filter,
                cursor=cursor,
                payload=payload,
                vector=vector,
                bytes_max=bytes_max,
                take=take,
            )
        )

    async def count(self, snapshot: Snapshot, filter: Filter) -> int:
        """How many records match."""
        if filter.matches_all:
            return snapshot.live
        return await self.in_thread(lambda: query.count(snapshot, self.filter_cache, filter))

    async def facets(self, snapshot: Snapshot, path: Path, filter: Filter, limit: object) -> Facets:
        """The commonest values of a field."""
        return await self.in_thread(
            lambda: query.facets(snapshot, self.filter_cache, path, filter, limit=limit)
        )

    async def field_range(self, snapshot: Snapshot, path: Path, filter: Filter) -> FieldRange:
        """The least and the greatest value of a field."""
        return await self.in_thread(lambda: query.field_range(snapshot, self.filter_cache, path, filter))

    async def recall(self, snapshot: Snapshot, request: RecallRequest) -> Recall:
        """How much of the truth searches find; all such calls together keep one thread of their own busy."""
        request, found = self.quality.widened(request), list[float]()
        samples = query.recalls(snapshot, request, self.filter_cache)
        while (one := await to_thread.run_sync(next, samples, None, limiter=self._measuring)) is not None:
            found.append(one)
        return query.summary_of(found)

    async def _short_or_in_thread(self, is_short: bool, read: Callable[[TakeBytes], T], take: TakeBytes) -> T:
        """Reads in place what is short; in a thread what is not, or proves to hold too many bytes."""
        if is_short:
            meter = _InPlaceMeter()
            try:
                found = read(meter.take)
            except _TooMuchInPlace:
                pass
            else:
                take(meter.bytes)
                return found
        return await self.in_thread(lambda: read(take))

    def is_short(self, snapshot: Snapshot, request: SearchRequest) -> bool:
        """Whether a search is sure to take less time than is worth a thread."""
        return query.estimate(snapshot, request, self.filter_cache) <= WORK_IN_PLACE_MAX
