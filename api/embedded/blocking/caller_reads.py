"""Reads that run where they are called: the blocking counterpart of the ``ReadExecutor``.

A snapshot is immutable, so any thread may read it, and the caller waits for the result in any case.
"""

from __future__ import annotations

from collections.abc import Sequence

from asteroid_cloud import query
from asteroid_cloud.api.embedded.blocking.event_loop import EventLoop
from asteroid_cloud.api.service.collections import Collection
from asteroid_cloud.indexer import Ids, IndexSpec, Snapshot, TakeBytes, unbounded
from asteroid_cloud.query import (
    NUMBER_BYTES,
    Facets,
    FieldInfo,
    FieldRange,
    Filter,
    OrderBy,
    Recall,
    RecallRequest,
    Record,
    ScrollPage,
    SearchRequest,
    SearchResult,
    Wanted,
)
from asteroid_cloud.query.fields import Path


class CallerReads:
    """The reading side of a blocking store."""

    def __init__(self, collection: Collection, loop: EventLoop) -> None:
        self._engine = collection.engine
        self._reads = collection.reads
        self._masks = collection.reads.filter_cache
        self._quality = collection.reads.quality
        self._loop = loop

    @property
    def spec(self) -> IndexSpec | None:
        """What the index is, and so what its ids are; None before it is created."""
        return self._engine.spec

    def snapshot(self, min_lsn: int = 0) -> Snapshot:
        """What the index holds now, ``min_lsn`` at least; only a wait for that goes to the event loop."""
        if min_lsn:
            self._engine.histories.check(min_lsn)
        if min_lsn > self._engine.applied_lsn:
            self._loop.run(self._reads.reach, min_lsn)
        return self._engine.snapshot()

    def search(self, snapshot: Snapshot, request: SearchRequest, take: TakeBytes = unbounded) -> SearchResult:
        """The nearest matches to one vector, or to the vector of one id."""
        request = self._quality.widened(request)
        result = query.search(snapshot, request, self._masks, take)
        self._quality.note(snapshot, request, result)
        return result

    def search_batch(
        self, snapshot: Snapshot, requests: Sequence[SearchRequest], take: TakeBytes = unbounded
    ) -> list[SearchResult]:
        """Many searches of one snapshot."""
        requests = [self._quality.widened(request) for request in requests]
        threads = self._reads.lanes.threads
        results = query.search_batch(snapshot, requests, self._masks, threads=threads, take=take)
        for request, result in zip(requests, results, strict=True):
            self._quality.note(snapshot, request, result)
        return results

    def recall(self, snapshot: Snapshot, request: RecallRequest) -> Recall:
        """How much of the truth searches find."""
        return query.summary_of(list(query.recalls(snapshot, self._quality.widened(request), self._masks)))

    def fetch(
        self,
        snapshot: Snapshot,
        ids: Ids,
        wanted: Wanted,
        take: TakeBytes = unbounded,
    ) -> list[Record]:
        """The records of those ids that exist, in the order asked."""
        payload, vector, fields = wanted.payload, wanted.vector, wanted.fields
        records = query.fetch(snapshot, ids, payload=payload, vector=vector, fields=fields, take=take)
        return [record for record in records if record is not None]

    def scroll(
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
        """The next page of the matches in the order of ids, or another."""
        return query.scroll(
            snapshot,
            self._masks,
            limit=limit,
            filter=filter,
            cursor=cursor,
            order=order,
            payload=wanted.payload,
            vector=wanted.vector,
            fields=wanted.fields,
            number_bytes=number_bytes,
            bytes_max=bytes_max,
            take=take,
        )

    def count(self, snapshot: Snapshot, filter: Filter) -> int:
        """How many records match."""
        return query.count(snapshot, self._masks, filter)

    def facets(
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
        return query.facets(
            snapshot, self._masks, path, filter, limit=limit, offset=offset, order=order, contains=contains
        )

    def field_range(self, snapshot: Snapshot, path: Path, filter: Filter) -> FieldRange:
        """The least and the greatest value of a field."""
        return query.field_range(snapshot, self._masks, path, filter)

    def field_list(self, snapshot: Snapshot) -> list[FieldInfo]:
        """Every field that payloads have."""
        return query.field_list(snapshot)
