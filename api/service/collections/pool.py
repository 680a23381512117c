"""Which collections are open: one opens at its first use, and is closed after a time without any.

Each open collection lives in a task of its own. So many may be open at once. As soon as there are as many,
the one that was used the longest time ago is closed, so that the next one finds a place.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import anyio

from asteroid_cloud.api.limits import (
    COLLECTION_OPEN_WAIT_S_MAX,
    COLLECTIONS_OPEN_MAX,
    COLLECTIONS_OPENING_MAX,
)
from asteroid_cloud.api.service.collections.collection import Collection
from asteroid_cloud.api.service.collections.options import CollectionsOptions
from asteroid_cloud.api.service.collections.shared import SharedParts
from asteroid_cloud.api.service.collections.slot import Size, Slot, SlotState
from asteroid_cloud.indexer import Engine, EngineOptions
from asteroid_cloud.indexer.catalog import no_collection
from asteroid_cloud.wal.disk import StoreLayout
from asteroid_cloud.wal.errors import AsteroidError, Overloaded, StorageError
from asteroid_cloud.wal.store import StoreAccess

logger = logging.getLogger(__name__)

FAILURE_KEPT_S = 5.0
"""Time after which a collection that did not open is tried again."""
PLACES_KEPT_FREE = 1
"""Places for open collections that are made free ahead of need, so that nobody waits for a closing."""
PLACE_WAIT_S_MAX = 5.0
"""Time that a collection waits until another one is closed."""
SEALING_S_MAX = 10.0
"""Time that a collection has to seal its tail before it is closed."""


class Pool:
    """Opens and closes collections of one store; for the event loop."""

    def __init__(
        self,
        store: StoreAccess,
        engine_options: EngineOptions,
        options: CollectionsOptions,
        shared: SharedParts,
    ) -> None:
        """``shared`` is the memory budget of all."""
        self._store = store
        self._shared = shared
        self._engine_options = engine_options
        self._options = options
        self._open: dict[str, Slot] = {}
        """Those that are not closed, by id."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._places = anyio.CapacityLimiter(COLLECTIONS_OPEN_MAX)
        self._opening = anyio.CapacityLimiter(COLLECTIONS_OPENING_MAX)
        self._reaper: asyncio.Task[None] | None = None
        self._is_ending = False

    @property
    def open_slots(self) -> list[Slot]:
        """Those that are open, or about to be."""
        return list(self._open.values())

    async def opened(self, slot: Slot) -> Collection:
        """The collection of a slot, which is opened if need be; its ``uses`` must count the caller.

        Raises NotFound ``no_collection`` when it is removed meanwhile, Overloaded ``not_ready`` when that
        takes too long, ``too_many_open`` when as many are in use as may be open, and what keeps it from
        opening.
        """
        if slot.collection is not None and slot.is_wanted:
            return slot.collection
        with anyio.move_on_after(COLLECTION_OPEN_WAIT_S_MAX):
            while True:
                self._check(slot)
                if slot.state is SlotState.CLOSED:
                    _raise_kept_failure(slot)
                    self._begin(slot)
                elif slot.collection is not None and slot.is_wanted:
                    return slot.collection
                ended = slot.ended
                await slot.changed.wait()
                if ended.is_set() and slot.failure is not None:
                    raise slot.failure
        raise Overloaded(f"the collection {slot.entry.name} is still being opened", code="not_ready")

    async def close(self, slot: Slot) -> None:
        """Has a slot closed, whoever uses it, and returns once it is."""
        if slot.state is not SlotState.CLOSED:
            ended = slot.ended
            slot.is_wanted = False
            slot.announce()
            await ended.wait()

    async def end(self) -> None:
        """Closes all, and opens none any more."""
        self._is_ending = True
        for slot in self.open_slots:
            slot.is_wanted = False
            slot.announce()
        if self._reaper is not None:
            self._reaper.cancel()
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def finish(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Runs something that goes on when the caller is cancelled."""
        await asyncio.shield(self.run(work, name))

    def run(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Runs something that ``end`` waits for."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def release(self, slot: Slot) -> None:
        """A use of the slot has ended."""
        slot.uses -= 1
        slot.used_s = time.monotonic()
        self._make_room()

    def _check(self, slot: Slot) -> None:
        if slot.is_removed:
            raise no_collection(slot.entry.name)
        if self._is_ending:
            raise Overloaded("the store is being closed", code="not_ready")

    def _begin(self, slot: Slot) -> None:
        slot.failure, slot.is_wanted, slot.ended = None, True, anyio.Event()
        slot.enter(SlotState.OPENING)
        self._open[slot.entry.id] = slot
        self.run(self._live(slot), f"collection {slot.entry.name}")

    async def _live(self, slot: Slot) -> None:
        """The life of an open collection, in its own task."""
        try:
            async with self._place(slot):
                await self._serve(slot)
        except AsteroidError as error:
            self._fail(slot, error)
        except OSError as error:
            self._fail(slot, StorageError(str(error)))
        except Exception:
            logger.exception("the collection %s ended", slot.entry.name)
            self._fail(slot, StorageError("the collection cannot be opened"))
        finally:
            slot.collection, slot.is_wanted = None, False
            del self._open[slot.entry.id]
            slot.ended.set()
            slot.enter(SlotState.CLOSED)

    def _fail(self, slot: Slot, error: AsteroidError) -> None:
        logger.warning("the collection %s cannot go on: %s", slot.entry.name, error.message)
        slot.failure, slot.failed_s = error, time.monotonic()

    @asynccontextmanager
    async def _place(self, slot: Slot) -> AsyncIterator[None]:
        """One of the places for open collections; raises Overloaded ``too_many_open``."""
        self._make_room(1)
        with anyio.move_on_after(PLACE_WAIT_S_MAX) as waiting:
            await self._places.acquire_on_behalf_of(slot)
        if waiting.cancelled_caught:
            raise Overloaded(f"{COLLECTIONS_OPEN_MAX} collections are in use", code="too_many_open")
        try:
            yield
        finally:
            self._places.release_on_behalf_of(slot)

    async def _serve(self, slot: Slot) -> None:
        """Opens a collection, and keeps it open for as long as it is wanted."""
        async with AsyncExitStack() as opening:
            await self._opening.acquire_on_behalf_of(slot)
            opening.callback(self._opening.release_on_behalf_of, slot)
            engine_options, memory = self._engine_options, self._shared.memory
            async with Engine.open_in(self._store, slot.entry.id, engine_options, memory) as engine:
                if not await _ready(engine, slot):
                    return
                await opening.aclose()
                collection = self._collection(slot, engine)
                slot.collection, slot.used_s = collection, time.monotonic()
                slot.enter(SlotState.OPEN)
                self._look_after()
                self._make_room()
                try:
                    await slot.unwanted()
                finally:
                    slot.collection, slot.size = None, size_of(engine)
                    slot.enter(SlotState.CLOSING)
                    await collection.close()

    def _collection(self, slot: Slot, engine: Engine) -> Collection:
        options, folder = self._options, StoreLayout(self._store.layout.root).collection(slot.entry.id).folder
        return Collection(
            folder,
            engine,
            options.backup_folder,
            name=slot.entry.name,
            quality=options.quality,
            bounds=options.bounds,
            shared=self._shared,
        )

    def _make_room(self, coming: int = 0) -> None:
        """Closes collections that nobody uses, so that soon there are places for all who wait and for so many
        who come; for nobody in particular some are kept free. Those used the longest time ago go first.
        """
        if self._places.available_tokens >= max(coming, PLACES_KEPT_FREE, 1):
            return  # as a rule, and then nobody waits; this runs after each request
        wanted = max(self._places.statistics().tasks_waiting + coming, PLACES_KEPT_FREE)
        free = self._places.available_tokens + sum(slot.is_closing for slot in self._open.values())
        if free < wanted:
            idle = sorted(
                (slot for slot in self._open.values() if slot.can_close), key=lambda each: each.used_s
            )
            for slot in idle[: int(wanted - free)]:
                slot.is_wanted = False
                slot.announce()

    def _look_after(self) -> None:
        """Has idle collections closed; there is no task for that while none is open."""
        if self._reaper is None or self._reaper.done():
            self._reaper = asyncio.get_running_loop().create_task(self._reap(), name="idle collections")

    async def _reap(self) -> None:
        while self._open:
            due_s = min(slot.due_s(self._options.idle_s) for slot in self._open.values())
            wait_s = due_s - time.monotonic()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
                continue
            for slot in self.open_slots:
                if slot.due_s(self._options.idle_s) <= time.monotonic():
                    await self._retire(slot)

    async def _retire(self, slot: Slot) -> None:
        """Closes an idle collection with its tail sealed, so that it opens quickly, unless somebody comes."""
        collection = slot.collection
        if collection is not None and slot.can_close and not is_building(collection.engine):
            with suppress(AsteroidError):  # what cannot be sealed now is in the log
                if collection.engine.stats().lag_records:
                    await collection.engine.flush(SEALING_S_MAX)
            if slot.can_close and not is_building(collection.engine):
                await self.close(slot)
                return
        slot.used_s = time.monotonic()


def _raise_kept_failure(slot: Slot) -> None:
    """Raises why it did not open a moment ago: to try again takes time, and damage does not go away."""
    failure = slot.failure
    is_kept = time.monotonic() - slot.failed_s < FAILURE_KEPT_S and not isinstance(failure, Overloaded)
    if failure is not None and is_kept:
        raise failure


async def _ready(engine: Engine, slot: Slot) -> bool:
    """Returns when the engine is ready, or, with False, as soon as it is not wanted; raises its failure."""
    ready = asyncio.ensure_future(engine.ready())
    unwanted = asyncio.ensure_future(slot.unwanted())
    try:
        await asyncio.wait({ready, unwanted}, return_when=asyncio.FIRST_COMPLETED)
        if ready.done():
            ready.result()
        return ready.done() and slot.is_wanted
    finally:
        for each in (ready, unwanted):
            each.cancel()
            with suppress(asyncio.CancelledError, AsteroidError):
                await each


def is_building(engine: Engine) -> bool:
    """Whether a segment is being built, which closing would throw away."""
    found = engine.stats()
    return found.merging or bool(found.building)


def size_of(engine: Engine) -> Size:
    """How large an open collection is."""
    found = engine.stats()
    return Size(found.vectors, found.log_bytes + found.segment_bytes)
