"""The store: one index over one data directory, with the methods of the client.

It is put together from groups of calls on one ``Collection``, the object that the HTTP routes work on too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from os import PathLike, fspath

from asteroid_cloud.api.embedded.changes import ChangeCalls
from asteroid_cloud.api.embedded.fields import FieldCalls
from asteroid_cloud.api.embedded.index import IndexCalls
from asteroid_cloud.api.embedded.load import LoadCalls
from asteroid_cloud.api.embedded.search import SearchCalls
from asteroid_cloud.api.embedded.vectors import VectorCalls
from asteroid_cloud.api.service.collections import Collection
from asteroid_cloud.api.service.quality.options import QualityOptions
from asteroid_cloud.indexer import Engine, EngineOptions


class Store(IndexCalls, VectorCalls, SearchCalls, FieldCalls, LoadCalls, ChangeCalls):
    """Use ``open`` of this package, or ``Store.open`` to be there while recovery runs."""

    @property
    def path(self) -> str:
        """The data directory."""
        return self.collection.path

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        path: str | PathLike[str],
        options: EngineOptions | None = None,
        quality: QualityOptions | None = None,
    ) -> AsyncIterator[Store]:
        """Opens a data directory, new or not, and yields at once; recovery runs in the background.

        Until it is over every call but ``health`` and ``ready`` raises Overloaded (``not_ready``).
        Raises LockHeld when another process has the directory open.
        """
        async with Engine.open(fspath(path), options) as engine:
            collection = Collection(fspath(path), engine, quality=quality)
            try:
                yield cls(collection)
            finally:
                await collection.close()

    async def ensure_index(self, dim: int, metric: str, bits: int = 16) -> None:
        """Creates the index unless there is one like it; raises Conflict ``index_differs`` otherwise."""
        await self.collection.ensure_index(dim, metric, bits)
