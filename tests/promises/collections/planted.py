"""Bugs to plant in what keeps several collections; each must be found by images or histories."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from asteroid_cloud.api.service.collections import registry
from asteroid_cloud.api.service.collections.names import Names
from asteroid_cloud.indexer.catalog import changes
from asteroid_cloud.indexer.catalog.catalog import Catalog
from asteroid_cloud.indexer.catalog.entry import CatalogEntry
from asteroid_cloud.wal.disk import Files, StoreLayout

Patch = pytest.MonkeyPatch


class Unsynced:
    """Files whose contents, and folders whose names, are not synced."""

    def __init__(self, files: Any) -> None:
        self._files = files

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)

    def create(self, path: str) -> Any:
        """A file that is never synced."""
        file = self._files.create(path)
        file.sync = lambda: None
        return file

    def sync_dir(self, path: str) -> None:
        """Nothing."""


def switch_before_it_is_durable(patch: Patch) -> None:
    """An alias counts, and is acknowledged, before the disk has it."""
    write = changes.write_catalog
    patch.setattr(changes, "write_catalog", lambda files, store, new: write(Unsynced(files), store, new))


def name_before_it_is_durable(patch: Patch) -> None:
    """The catalog names a collection before its index is made."""
    begin = registry.begin_collection

    def begin_and_name(files: Files, store: StoreLayout, catalog: Catalog, entry: CatalogEntry) -> None:
        begin(files, store, catalog, entry)
        changes.write_catalog(files, store, catalog.with_entry(entry))

    patch.setattr(registry, "begin_collection", begin_and_name)


def remove_without_a_mark(patch: Patch) -> None:
    """A folder that is about to be removed is not marked: an interrupted removal leaves it for ever."""

    def unname(
        files: Files, store: StoreLayout, before: Catalog, catalog: Catalog, entry: CatalogEntry
    ) -> None:
        changes.replace_catalog(files, store, before, catalog)

    patch.setattr(registry, "unname_collection", unname)


def keep_the_old_alias_in_memory(patch: Patch) -> None:
    """An alias that was switched is on the disk, and calls still follow the old one."""

    async def set_alias(self: Names, alias: str, collection: str) -> None:
        before = self.catalog
        async with self.alone():
            await self.change(self.catalog.with_alias(alias, collection))
            self.catalog = before if alias in before.aliases else self.catalog

    patch.setattr(Names, "set_alias", set_alias)


ON_IMAGES: Sequence[Callable[[Patch], None]] = (switch_before_it_is_durable, name_before_it_is_durable)
IN_HISTORIES: Sequence[Callable[[Patch], None]] = (
    name_before_it_is_durable,
    remove_without_a_mark,
    keep_the_old_alias_in_memory,
)
