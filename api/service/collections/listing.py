"""The list of collections: what each is and how large.

None is opened for that but those that were not closed in order, once: the rows in their logs are not counted
otherwise.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager

import anyio
from anyio import to_thread

from asteroid_cloud.api.limits import COLLECTIONS_OPENING_MAX
from asteroid_cloud.api.service.collections.collection import DEFAULT, Collection
from asteroid_cloud.api.service.collections.definition import (
    CollectionInfo,
    Definition,
    defined_by,
    definition_of,
)
from asteroid_cloud.api.service.collections.pool import size_of
from asteroid_cloud.api.service.collections.slot import Size, Slot
from asteroid_cloud.indexer.catalog import closed_size
from asteroid_cloud.wal.disk import Files, StoreLayout
from asteroid_cloud.wal.errors import AsteroidError

logger = logging.getLogger(__name__)


Open = Callable[[str], AbstractAsyncContextManager[Collection]]
"""Opens a collection, by its name, for the time of a block."""


async def listed(
    default: Collection, slots: Iterable[Slot], files: Files, layout: StoreLayout, use: Open
) -> list[CollectionInfo]:
    """All collections by name; ``default`` is among them once it has an index."""
    named = list(slots)
    unknown = [slot for slot in named if slot.collection is None and slot.size is None]
    if unknown:
        await to_thread.run_sync(_measure, unknown, files, layout)
        await _count([slot for slot in unknown if slot.size is not None and slot.size.vectors is None], use)
    found, first = [_info(slot) for slot in named if not slot.is_removed], _default_info(default)
    return sorted(found if first is None else [*found, first], key=lambda info: info.name)


async def _count(slots: Iterable[Slot], use: Open) -> None:
    """Opens collections once whose log goes on behind their segments, a few at a time: then it is known how
    many rows they have.
    """
    turns = anyio.CapacityLimiter(COLLECTIONS_OPENING_MAX)

    async def count(slot: Slot) -> None:
        async with turns:
            try:
                async with use(slot.entry.name) as collection:
                    slot.size = size_of(collection.engine)
            except (AsteroidError, OSError) as error:
                logger.warning("the rows of %s cannot be counted: %s", slot.entry.name, error)

    async with anyio.create_task_group() as group:
        for slot in slots:
            group.start_soon(count, slot)


def _measure(slots: Iterable[Slot], files: Files, layout: StoreLayout) -> None:
    """Reads how large closed collections are."""
    for slot in slots:
        try:
            vectors, size = closed_size(files, layout.collection(slot.entry.id))
            slot.size = Size(vectors, size)
        except (AsteroidError, OSError) as error:
            logger.warning("the collection %s cannot be measured: %s", slot.entry.name, error)


def _info(slot: Slot) -> CollectionInfo:
    if slot.collection is not None:
        return _info_of(defined_by(slot.entry), size_of(slot.collection.engine))
    return _info_of(defined_by(slot.entry), slot.size, slot.failure.code if slot.failure else None)


def _default_info(default: Collection) -> CollectionInfo | None:
    engine = default.engine
    if engine.phase.error is not None:
        return _info_of(None, None, engine.phase.error.code)
    if engine.phase.name != "ready" or engine.spec is None:
        return None
    return _info_of(definition_of(DEFAULT, engine.spec), size_of(engine))


def _info_of(made: Definition | None, size: Size | None, error: str | None = None) -> CollectionInfo:
    return CollectionInfo(
        name=made.name if made else DEFAULT,
        dim=made.dim if made else None,
        metric=made.metric if made else None,
        bits=made.bits if made else None,
        ids=made.ids if made else None,
        vector=made.vector if made else None,
        vectors=size.vectors if size else None,
        bytes=size.bytes if size else None,
        error=error,
    )
