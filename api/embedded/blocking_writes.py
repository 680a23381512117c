"""The blocking store's writes: each runs in the store's event loop while the caller waits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from asteroid_cloud.api.embedded.load import CHUNK_ITEMS, Item, Payloads, Vectors
from asteroid_cloud.api.embedded.store import Store
from asteroid_cloud.api.service.checks import Vector
from asteroid_cloud.api.service.results import BulkReport, Counted, Written
from asteroid_cloud.api.service.searches import Metadata

T = TypeVar("T")


class BlockingWrites:
    """Insert, delete and load; the arguments and errors are those of ``Store``."""

    _store: Store

    def _run(self, call: Callable[[], Awaitable[T]]) -> T:
        """Runs it in the store's event loop."""
        raise NotImplementedError

    def insert(
        self,
        id: int,
        vector: Vector,
        metadata: Metadata | None = None,
        *,
        if_match: int | None = None,
        if_absent: bool = False,
    ) -> Written:
        """Stores a vector, replacing the one that the id may have."""
        return self._run(
            lambda: self._store.insert(id, vector, metadata, if_match=if_match, if_absent=if_absent)
        )

    def upsert(
        self,
        id: int,
        vector: Vector,
        metadata: Metadata | None = None,
        *,
        if_match: int | None = None,
        if_absent: bool = False,
    ) -> Written:
        """Stores a vector exactly as ``insert`` does."""
        return self._run(
            lambda: self._store.upsert(id, vector, metadata, if_match=if_match, if_absent=if_absent)
        )

    def delete(self, id: int, *, if_match: int | None = None) -> Written:
        """Deletes a vector and its payload. An id that does not exist is no error."""
        return self._run(lambda: self._store.delete(id, if_match=if_match))

    def set_payload(self, id: int, payload: Metadata, *, if_match: int | None = None) -> Written:
        """Replaces the payload; the vector stays."""
        return self._run(lambda: self._store.set_payload(id, payload, if_match=if_match))

    def merge_payload(self, id: int, partial: Metadata, *, if_match: int | None = None) -> Written:
        """Merges into the payload (RFC 7396)."""
        return self._run(lambda: self._store.merge_payload(id, partial, if_match=if_match))

    def delete_many(self, ids: Iterable[int] | None = None, *, filter: Metadata | None = None) -> Counted:
        """Deletes the vectors with these ids, or all that match a filter; returns how many there were."""
        return self._run(lambda: self._store.delete_many(ids, filter=filter))

    def merge_many(
        self, partial: Metadata, ids: Iterable[int] | None = None, *, filter: Metadata | None = None
    ) -> Counted:
        """Merges into the payloads of these ids, or of all that match a filter; see ``Store.merge_many``."""
        return self._run(lambda: self._store.merge_many(partial, ids, filter=filter))

    def insert_batch(
        self,
        items: Iterable[Item],
        *,
        chunk_size: int = CHUNK_ITEMS,
        parallel: int = 1,
        progress: bool | None = None,
    ) -> Counted:
        """Stores many items, a batch at a time; see ``Store.insert_batch``."""
        return self._run(
            lambda: self._store.insert_batch(
                items, chunk_size=chunk_size, parallel=parallel, progress=progress
            )
        )

    def bulk_build(
        self,
        vectors: Vectors,
        dim: int | None = None,
        threads: int = 0,
        payloads: Payloads | None = None,
    ) -> BulkReport:
        """Builds the whole index of an empty store at once; the ids are 0 … n-1."""
        return self._run(lambda: self._store.bulk_build(vectors, dim, threads, payloads))
