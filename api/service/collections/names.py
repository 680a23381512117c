"""The catalog that counts: the same in memory as on the disk, and changed by one at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
from anyio import to_thread

from asteroid_cloud.indexer.catalog import Catalog, checked_collection_name, replace_catalog
from asteroid_cloud.wal.disk import Files, StoreLayout
from asteroid_cloud.wal.errors import Poisoned

WriteCatalog = Callable[[Files, StoreLayout, Catalog, Catalog], None]
"""Puts a catalog in the place of the one before."""


class Names:
    """Of the collections and aliases of one store; for the event loop."""

    def __init__(self, files: Files, layout: StoreLayout, catalog: Catalog) -> None:
        self.files = files
        self.layout = layout
        self.catalog = catalog
        self.unknown: Poisoned | None = None
        """Why it is not known which catalog is on the disk, if so: then none is written any more."""
        self._changing = anyio.Lock()
        self._moves: dict[str, anyio.Event] = {}

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """A block in which nobody else changes the catalog, and which is not cancelled."""
        with anyio.CancelScope(shield=True):
            async with self._changing:
                yield

    async def change(self, catalog: Catalog, write: WriteCatalog = replace_catalog) -> None:
        """Makes a catalog durable, then lets it count; the caller has to be ``alone``."""
        if self.unknown is not None:
            raise self.unknown
        try:
            await to_thread.run_sync(write, self.files, self.layout, self.catalog, catalog)
        except Poisoned as error:
            self.unknown = error
            raise
        before, self.catalog = self.catalog.aliases, catalog
        for alias, target in before.items():
            if catalog.aliases.get(alias) != target and alias in self._moves:
                self._moves.pop(alias).set()

    async def set_alias(self, alias: str, collection: str) -> None:
        """Lets an alias lead to a collection from now on; raises as ``Catalog.with_alias``, NoSpace, …"""
        async with self.alone():
            await self.change(self.catalog.with_alias(alias, collection))

    async def delete_alias(self, alias: str) -> bool:
        """Removes an alias; whether there was one."""
        checked_collection_name(alias)
        async with self.alone():
            is_there = alias in self.catalog.aliases
            if is_there:
                await self.change(self.catalog.without_alias(alias))
            return is_there

    def moved(self, alias: str) -> anyio.Event:
        """Set as soon as the alias leads elsewhere, or nowhere."""
        return self._moves.setdefault(alias, anyio.Event())
