"""The collections of a store by name: made, removed, listed, renamed by aliases, and used."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import partial

import anyio
import msgspec
from anyio import to_thread

from asteroid_cloud.api.limits import COLLECTION_DRAIN_S_MAX
from asteroid_cloud.api.service.collections.collection import DEFAULT, Collection
from asteroid_cloud.api.service.collections.definition import (
    AskedDefinition,
    CollectionInfo,
    Definition,
    defined_by,
    definition_of,
    entry_of,
    with_text,
)
from asteroid_cloud.api.service.collections.listing import listed
from asteroid_cloud.api.service.collections.names import Names
from asteroid_cloud.api.service.collections.options import CollectionsOptions
from asteroid_cloud.api.service.collections.pool import Pool
from asteroid_cloud.api.service.collections.shared import SharedParts
from asteroid_cloud.api.service.collections.slot import Slot
from asteroid_cloud.api.service.collections.use import Use
from asteroid_cloud.indexer import (
    Engine,
    EngineOptions,
    IndexSpec,
    SharedBudget,
    TextDefinition,
    checked_spec,
)
from asteroid_cloud.indexer.catalog import (
    Catalog,
    begin_collection,
    checked_collection_name,
    clean,
    name_collection,
    new_id,
    no_collection,
    open_catalog,
    remove_folder,
    unname_collection,
)
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.disk import Files, StoreLayout
from asteroid_cloud.wal.errors import AsteroidError, Conflict
from asteroid_cloud.wal.store import StoreAccess, enter

logger = logging.getLogger(__name__)


class Collections:
    """The collections of one open store; for the event loop that opened it. Use ``open_collections``."""

    def __init__(
        self,
        default: Collection,
        store: StoreAccess,
        catalog: Catalog,
        engine_options: EngineOptions | None = None,
        options: CollectionsOptions | None = None,
        shared: SharedParts | None = None,
    ) -> None:
        """``shared`` is what all have in common; ``default`` uses it already."""
        self.default = default
        """The collection that paths without a name speak of; it is always open."""
        self._names = Names(store.files, StoreLayout(store.layout.root), catalog)
        self._options = options or CollectionsOptions()
        self._pool = Pool(store, engine_options or EngineOptions(), self._options, shared or SharedParts())
        self._slots = {entry.name: Slot(entry) for entry in catalog.entries.values()}
        self._making: dict[str, anyio.Event] = {}
        """Names of collections that are being made."""

    @property
    def are_there(self) -> bool:
        """Whether there is any collection beside ``default``."""
        return bool(self._slots)

    @property
    def count(self) -> int:
        """How many there are; ``default`` counts once it has an index."""
        engine = self.default.engine
        return len(self._slots) + int(engine.phase.name == "ready" and engine.spec is not None)

    @property
    def open_collections(self) -> list[Collection]:
        """Those that are open now, ``default`` first."""
        named = [slot.collection for slot in self._pool.open_slots if slot.collection is not None]
        return [self.default, *named]

    @property
    def aliases(self) -> dict[str, str]:
        """The collection of each alias, by alias."""
        return dict(self._names.catalog.aliases)

    def resolve(self, name: str) -> str:
        """The name of the collection that a name or alias leads to; raises NotFound ``no_collection``."""
        return self._names.catalog.resolve(name)

    def use(self, name: str) -> AbstractAsyncContextManager[Collection]:
        """A collection, by its name or alias; it is opened if need be, and stays open while the block runs.

        When it is removed meanwhile the block is cancelled. Raises NotFound ``no_collection``, Overloaded
        ``not_ready`` or ``too_many_open``, and what keeps the collection from opening.
        """
        target = self.resolve(name)
        if target == DEFAULT:
            return nullcontext(self.default)
        return Use(self._pool, self._slots[target], name)

    def definition(self, name: str) -> Definition:
        """What a collection is, by its name or alias; raises NotFound ``no_collection``, also for ``default``
        while it has no index.
        """
        target = self.resolve(name)
        if target != DEFAULT:
            return defined_by(self._names.catalog.entries[target])
        spec = self.default.engine.spec
        if spec is None:
            raise no_collection(name)
        return definition_of(DEFAULT, spec)

    async def infos(self) -> list[CollectionInfo]:
        """All collections by name; ``default`` is there once it has an index.

        Those are opened, once, whose rows are not all in segments, and were not open before: to count them.
        """
        names = self._names
        return await listed(self.default, self._slots.values(), names.files, names.layout, self.use)

    async def create(self, name: str, asked: AskedDefinition) -> Definition:
        """Makes a collection, or compares the fields that are given with the one that is there already.

        Raises Conflict ``collection_differs``, ``name_taken`` or ``too_many_collections``, InvalidRequest
        ``bad_collection_name`` and those of its fields, NoSpace, StorageError.
        """
        checked_collection_name(name)
        if name == DEFAULT:
            return await self._create_default(asked)
        while name in self._making:
            await self._making[name].wait()
        if name in self._slots:
            asked.check_same(defined_by(self._slots[name].entry))
            return await self._checked_text(name, asked)
        self._names.catalog.check_free(name, self._options.collections_max - len(self._making))
        made, text = definition_of(name, asked.checked()), asked.asked_text
        self._making[name] = anyio.Event()
        try:
            with anyio.CancelScope(shield=True):
                await self._make(made, text)
        finally:
            self._making.pop(name).set()
        return with_text(made, text)

    async def whole_definition(self, name: str) -> Definition:
        """What a collection is, with the text index that it has now, which takes opening it.

        While it does not open, only what the catalog says. Raises NotFound ``no_collection``.
        """
        there = self.definition(name)
        try:
            async with self.use(name) as collection:
                return with_text(there, collection.engine.texts.now)
        except AsteroidError:
            return there

    async def _checked_text(self, name: str, asked: AskedDefinition) -> Definition:
        if asked.text is msgspec.UNSET:
            return await self.whole_definition(name)
        async with self.use(name) as collection:
            text = collection.engine.texts.now
        asked.check_same_text(name, text)
        return with_text(self.definition(name), text)

    async def delete(self, name: str) -> bool:
        """Removes a collection with its aliases and files; whether there was one.

        Calls under way end with ``no_collection``, feeds end. Raises Conflict ``name_taken`` for an alias.
        """
        checked_collection_name(name)
        if name in self._names.catalog.aliases:
            raise Conflict(f"{name} is an alias of {self._names.catalog.aliases[name]}", code="name_taken")
        if name == DEFAULT:
            return await self._delete_default()
        async with self._names.alone():
            if name not in self._slots:
                return False
            slot = self._slots[name]
            try:
                unname = partial(unname_collection, entry=slot.entry)
                await self._names.change(self._names.catalog.without(name), unname)
            finally:
                if self._names.unknown is not None or name not in self._names.catalog.entries:
                    del self._slots[name]  # what it answers now might be gone after a restart
                    slot.is_removed = True
        await self._pool.finish(self._remove(slot), f"removal of {name}")
        return True

    async def set_alias(self, alias: str, collection: str) -> None:
        """Lets an alias lead to a collection from now on, wherever it led before.

        Raises as ``Catalog.with_alias``, and NoSpace, StorageError.
        """
        await self._names.set_alias(alias, collection)

    async def delete_alias(self, alias: str) -> bool:
        """Removes an alias; whether there was one."""
        return await self._names.delete_alias(alias)

    def moved(self, alias: str) -> anyio.Event:
        """Set as soon as the alias leads elsewhere, or nowhere."""
        return self._names.moved(alias)

    def end_feeds(self) -> None:
        """Ends the change feeds of all collections, which would never end by themselves."""
        for collection in self.open_collections:
            collection.feeds.end()

    async def close(self) -> None:
        """Closes what is open beside ``default``, and opens nothing any more."""
        with anyio.CancelScope(shield=True):
            await self._pool.end()

    async def _make(self, made: Definition, text: TextDefinition | None) -> None:
        entry = entry_of(new_id(), made)
        slot = Slot(entry)
        slot.uses += 1  # so that it stays open until it has its index and its name
        try:
            names = self._names
            async with names.alone():
                begin = partial(begin_collection, names.files, names.layout, names.catalog, entry)
                await to_thread.run_sync(begin)
            collection = await self._pool.opened(slot)
            await collection.engine.texts.create_index(_spec_of(made), text)
            async with names.alone():
                await names.change(names.catalog.with_entry(entry), partial(name_collection, entry=entry))
                self._slots[made.name] = slot
        except BaseException:
            slot.is_removed = True
            await self._pool.close(slot)
            if self._names.unknown is None:
                await self._remove_files(slot)
            raise
        finally:
            self._pool.release(slot)

    async def _remove(self, slot: Slot) -> None:
        """Ends what goes on in a collection that exists no longer, closes it, and removes its files."""
        if slot.collection is not None:
            slot.collection.feeds.end()
        slot.end_uses()
        with anyio.move_on_after(COLLECTION_DRAIN_S_MAX):
            await slot.unused()
        await self._pool.close(slot)
        await self._remove_files(slot)

    async def _remove_files(self, slot: Slot) -> None:
        try:
            await to_thread.run_sync(remove_folder, self._names.files, self._names.layout, slot.entry.id)
        except (AsteroidError, OSError) as error:
            logger.warning(
                "files of the removed collection %s are left for the next start to remove: %s",
                slot.entry.name,
                error,
            )

    async def _create_default(self, asked: AskedDefinition) -> Definition:
        engine = self.default.engine
        if engine.spec is None:
            made = definition_of(DEFAULT, asked.checked())
            await engine.texts.create_index(_spec_of(made), asked.asked_text)
        there = self.definition(DEFAULT)
        asked.check_same(there)
        asked.check_same_text(DEFAULT, engine.texts.now)
        return with_text(there, engine.texts.now)

    async def _delete_default(self) -> bool:
        was_there = self.default.engine.spec is not None
        async with self._names.alone():
            catalog = self._names.catalog.without(DEFAULT)
            if catalog != self._names.catalog:
                await self._names.change(catalog)
            await self.default.engine.delete_index()
        return was_there


@asynccontextmanager
async def open_collections(
    path: str,
    engine_options: EngineOptions | None = None,
    options: CollectionsOptions | None = None,
    *,
    files: Files | None = None,
) -> AsyncIterator[Collections]:
    """Opens the data directory, and creates it if need be. ``default`` recovers in the background, the others
    are opened at their first use.

    Raises LockHeld when another process has it open, CorruptionError for a damaged catalog.
    """
    engine_options, options = engine_options or EngineOptions(), options or CollectionsOptions()
    store = await to_thread.run_sync(partial(enter, files or LocalFiles(), path, creates=True))
    try:
        catalog = await to_thread.run_sync(_catalog_of, store)
        shared = SharedParts(SharedBudget(engine_options.memory_budget_bytes))
        async with Engine.open_in(store, DEFAULT, engine_options, shared.memory) as engine:
            default = Collection(
                path,
                engine,
                options.backup_folder,
                awaits_index=options.awaits_index,
                quality=options.quality,
                bounds=options.bounds,
                shared=shared,
            )
            collections = Collections(default, store, catalog, engine_options, options, shared)
            try:
                yield collections
            finally:
                await collections.close()
                await default.close()
    finally:
        store.release()


def _catalog_of(store: StoreAccess) -> Catalog:
    """The catalog of a store that was entered just now, with what was interrupted finished."""
    layout = StoreLayout(store.layout.root)
    catalog = open_catalog(store.files, layout)
    found = clean(store.files, layout, catalog)
    for name in found.removed:
        logger.warning("removed the collection %s, whose making or removing had been interrupted", name)
    for name in found.unknown:
        logger.warning("%s/%s is none of the collections in the catalog, and stays", layout.collections, name)
    return catalog


def _spec_of(made: Definition) -> IndexSpec:
    return checked_spec(made.dim, made.metric, made.bits, made.ids, made.vector)
