"""Stores with collections for tests: filling them, and looking at which are open."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anyio

from asteroid_cloud.api.service.collections import (
    AskedDefinition,
    Collections,
    CollectionsOptions,
    open_collections,
)
from tests.support.engines import contents, u64, vectors

BOOKS = AskedDefinition(dim=4)
NEVER = CollectionsOptions(idle_s=10_000)
SOON = CollectionsOptions(idle_s=0.02)


async def filled(path: Path, *names: str) -> None:
    """A store that is closed again, with a row in each collection."""
    async with open_collections(str(path), options=NEVER) as all_:
        for number, name in enumerate(names):
            await all_.create(name, BOOKS)
            async with all_.use(name) as collection:
                await collection.engine.upsert(u64(number), vectors(1, 4), None)


async def until(holds: Callable[[], bool]) -> None:
    """Waits until something holds."""
    with anyio.fail_after(20):
        while not holds():
            await anyio.sleep(0.002)


async def ids_in(all_: Collections, name: str) -> set[int]:
    """What a collection holds."""
    async with all_.use(name) as collection:
        return set(contents(collection.engine))


def named(all_: Collections) -> list[str]:
    """The collections that are open beside ``default``."""
    return [collection.name for collection in all_.open_collections[1:]]


async def sealed(path: Path, name: str) -> None:
    """Has all rows of a collection in segments."""
    async with open_collections(str(path), options=NEVER) as all_, all_.use(name) as collection:
        await collection.engine.flush()
