"""The blocking store's reads: they run where they are called, on the snapshot of that moment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from asteroid_cloud import query
from asteroid_cloud.api.embedded.search import listed_searches
from asteroid_cloud.api.embedded.store import Store
from asteroid_cloud.api.limits import FETCH_IDS_MAX
from asteroid_cloud.api.service.checks import Vector, checked_id, checked_ids, checked_include
from asteroid_cloud.api.service.payloads import payload_value
from asteroid_cloud.api.service.results import Counted, Facets, FieldRange, Hits, Payload, Record, Row
from asteroid_cloud.api.service.searches import Metadata, Search, filter_of, hits_of, request_of, row_of
from asteroid_cloud.indexer import Snapshot

T = TypeVar("T")


class BlockingReads:
    """Get, search, count and walk; the arguments and errors are those of ``Store``."""

    _store: Store

    def _run(self, call: Callable[[], Awaitable[T]]) -> T:
        """Runs it in the store's event loop."""
        raise NotImplementedError

    def _snapshot(self, min_lsn: int | None) -> Snapshot:
        if min_lsn and min_lsn > self._store.engine.applied_lsn:
            self._run(lambda: self._store.reads.reach(min_lsn))
        return self._store.engine.snapshot()

    def get(self, id: int, *, min_lsn: int | None = None) -> Record:
        """The stored vector, dequantised; raises NotFound."""
        number, snapshot = checked_id(id), self._snapshot(min_lsn)
        vector = query.fetch_one(snapshot, number, vector=True).vector
        assert vector is not None
        return Record(number, vector, snapshot.lsn)

    def get_payload(self, id: int, *, min_lsn: int | None = None) -> Payload:
        """The payload, ``{}`` if the vector has none; raises NotFound."""
        record = query.fetch_one(self._snapshot(min_lsn), checked_id(id), payload=True)
        return payload_value(record.payload or b"")

    def fetch(
        self, ids: Iterable[int], *, include: Sequence[str] | None = None, min_lsn: int | None = None
    ) -> list[Row]:
        """Many stored vectors at once; ids that do not exist are left out."""
        wanted, numbers = checked_include(include), checked_ids(ids, FETCH_IDS_MAX)
        records = query.fetch(
            self._snapshot(min_lsn), numbers, payload="payload" in wanted, vector="vector" in wanted
        )
        return [row_of(record) for record in records if record is not None]

    def search(
        self,
        vector: Vector | None = None,
        k: int = 10,
        ef_search: int | None = None,
        filter: Metadata | None = None,
        *,
        include: Sequence[str] | None = None,
        exact: bool = False,
        min_lsn: int | None = None,
        offset: int = 0,
        max_distance: float | None = None,
        id: int | None = None,
        explain: bool = False,
    ) -> Hits:
        """The ``k`` nearest vectors, nearest first; see ``Store.search``."""
        request = request_of(
            Search(vector, k, ef_search, filter, include, exact, offset, max_distance, id, explain)
        )
        return hits_of(query.search(self._snapshot(min_lsn), request, self._store.reads.masks))

    def search_batch(
        self,
        searches: Iterable[Search | Vector],
        k: int = 10,
        ef_search: int | None = None,
        filter: Metadata | None = None,
        *,
        include: Sequence[str] | None = None,
        exact: bool = False,
        min_lsn: int | None = None,
    ) -> list[Hits]:
        """Many searches over one snapshot: the hits of each, in order."""
        shared = Search(k=k, ef_search=ef_search, filter=filter, include=include, exact=exact)
        requests = [request_of(each) for each in listed_searches(searches, shared)]
        reads = self._store.reads
        results = query.search_batch(self._snapshot(min_lsn), requests, reads.masks, threads=reads.threads)
        return [hits_of(result) for result in results]

    def count(self, filter: Metadata | None = None, *, min_lsn: int | None = None) -> Counted:
        """How many vectors match a filter, or how many there are; exact."""
        condition, snapshot = filter_of(filter), self._snapshot(min_lsn)
        return Counted(query.count(snapshot, self._store.reads.masks, condition), lsn=snapshot.lsn)

    def scroll(
        self,
        filter: Metadata | None = None,
        *,
        page_size: int = 1000,
        include: Sequence[str] | None = None,
        min_lsn: int | None = None,
    ) -> Iterator[Row]:
        """All vectors that match, in the order of their ids; see ``Store.scroll``."""
        condition, wanted = filter_of(filter), checked_include(include)
        cursor: str | None = None
        while True:
            page = query.scroll(
                self._snapshot(min_lsn),
                self._store.reads.masks,
                limit=page_size,
                filter=condition,
                cursor=cursor,
                payload="payload" in wanted,
                vector="vector" in wanted,
            )
            yield from map(row_of, page.records)
            cursor = page.cursor
            if cursor is None:
                return

    def facets(
        self, field: str, filter: Metadata | None = None, *, limit: int = 10, min_lsn: int | None = None
    ) -> Facets:
        """The commonest values of a payload field; see ``Store.facets``."""
        path, condition, snapshot = query.field_path(field), filter_of(filter), self._snapshot(min_lsn)
        found = query.facets(snapshot, self._store.reads.masks, path, condition, limit=limit)
        return Facets.of(found, snapshot.lsn)

    def field_range(
        self, field: str, filter: Metadata | None = None, *, min_lsn: int | None = None
    ) -> FieldRange:
        """The least and the greatest value of a payload field; see ``Store.field_range``."""
        path, condition, snapshot = query.field_path(field), filter_of(filter), self._snapshot(min_lsn)
        return FieldRange.of(
            query.field_range(snapshot, self._store.reads.masks, path, condition), snapshot.lsn
        )
