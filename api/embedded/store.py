"""The store: one index over one data directory, with the methods of the client.

It is put together from groups of calls on one ``Collection``, the object that the HTTP routes work on too.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Coroutine, Generator
from os import PathLike, fspath
from types import TracebackType
from typing import Any, Self

from asteroid_cloud.api.embedded.changes import ChangeCalls
from asteroid_cloud.api.embedded.fields import FieldCalls
from asteroid_cloud.api.embedded.index import IndexCalls
from asteroid_cloud.api.embedded.load import LoadCalls
from asteroid_cloud.api.embedded.mixed import MixedCalls
from asteroid_cloud.api.embedded.named.collection import StoreCollection
from asteroid_cloud.api.embedded.owner import Owner
from asteroid_cloud.api.embedded.search import SearchCalls
from asteroid_cloud.api.embedded.server import ServerCalls
from asteroid_cloud.api.embedded.vectors import VectorCalls
from asteroid_cloud.api.service.collections import Collections
from asteroid_cloud.api.service.quality.options import QualityOptions
from asteroid_cloud.indexer import EngineOptions
from asteroid_cloud.wal.errors import InvalidRequest


class Store(
    ServerCalls, IndexCalls, VectorCalls, SearchCalls, FieldCalls, LoadCalls, MixedCalls, ChangeCalls
):
    """Use ``open`` of this package, or ``Store.open`` to be there while recovery runs.

    It belongs to the process and the event loop that opened it. Several may be closed in any order.
    """

    def __init__(self, collections: Collections, owner: Owner) -> None:
        super().__init__(collections.default, owner.life)
        self._owner = owner
        self._collections = collections

    @property
    def path(self) -> str:
        """The data directory."""
        return self._collection.path

    @classmethod
    def open(
        cls,
        path: str | PathLike[str],
        options: EngineOptions | None = None,
        quality: QualityOptions | None = None,
    ) -> Opening:
        """Opens a data directory, new or not, and yields at once; recovery runs in the background.

        Until it is over every call but ``health`` and ``ready`` raises Overloaded (``not_ready``).
        Raises LockHeld when another process has the directory open.
        """

        async def opened() -> Store:
            owner = Owner(fspath(path), options, quality)
            return cls(await owner.opened(), owner)

        return Opening(opened)

    def collection(self, name: str) -> StoreCollection:
        """A collection by its name, or by an alias; nothing is asked before its first call.

        Raises InvalidRequest (``bad_collection_name``) for what is no text.
        """
        self.life.check()
        return StoreCollection(self._collections, name, self.life)

    async def ensure_index(self, dim: int, metric: str, bits: int = 16) -> None:
        """Creates the index unless there is one like it; raises Conflict ``index_differs`` otherwise."""
        await self.served.ensure_index(dim, metric, bits)

    async def aclose(self) -> None:
        """Closes the store, with all its writes kept; the second time it does nothing.

        Calls under way and later ones raise Conflict (``store_closed``). In a forked child it does nothing.
        """
        if self.life.process == os.getpid():
            await self._owner.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __reduce__(self) -> str:
        raise not_copied()

    def __del__(self) -> None:
        if self.life.process == os.getpid() and not self.life.is_closed:
            warnings.warn(f"unclosed store {self.path}", ResourceWarning, 2, self)
            self._owner.abandon()


class Opening:
    """A store about to be opened: ``async with`` closes it at the end; after ``await``, ``aclose`` does."""

    def __init__(self, begin: Callable[[], Coroutine[Any, Any, Store]]) -> None:
        self._begin = begin
        self._store: Store | None = None

    def __await__(self) -> Generator[Any, None, Store]:
        return self._begin().__await__()

    async def __aenter__(self) -> Store:
        self._store = await self._begin()
        return self._store

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._store is not None
        await self._store.aclose()


def not_copied() -> InvalidRequest:
    """The error of pickling or copying a store."""
    return InvalidRequest(
        "an open store belongs to its process and cannot be pickled or copied; pass its path",
        code="bad_request",
    )
