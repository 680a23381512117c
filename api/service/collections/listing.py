"""The list of collections: what each is and how large, without opening any for it."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from anyio import to_thread

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


async def listed(
    default: Collection, slots: Iterable[Slot], files: Files, layout: StoreLayout
) -> list[CollectionInfo]:
    """All collections by name; ``default`` is among them once it has an index."""
    named = list(slots)
    unknown = [slot for slot in named if slot.collection is None and slot.size is None]
    if unknown:
        await to_thread.run_sync(_measure, unknown, files, layout)
    found, first = [_info(slot) for slot in named], _default_info(default)
    return sorted(found if first is None else [*found, first], key=lambda info: info.name)


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
