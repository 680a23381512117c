"""A store with several collections on a disk in memory: what it holds, and whether it takes more."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import SimpleNamespace

import pytest

from asteroid_cloud.api.service.collections import (
    AskedDefinition,
    Collections,
    CollectionsOptions,
    open_collections,
    pool,
    slot,
)
from asteroid_cloud.indexer.catalog import entry
from asteroid_cloud.indexer.model.digest import snapshot_digest
from asteroid_cloud.wal.disk import StoreLayout
from tests.promises.collections.script import DEFAULT, IDLE_S, Row, Seen
from tests.promises.power.check import ROOT, Violation, repeatable
from tests.promises.power.recording import MappableFiles
from tests.promises.power.script import OPTIONS
from tests.promises.power.stored import DIM
from tests.support.engines import keys, vectors
from tests.support.seeded_loop import loop_time

PROBE = "probe"


@contextmanager
def repeatable_collections(seed: int) -> Iterator[None]:
    """As ``repeatable``; ids of collections come from the seed too, and idleness from the loop's time."""
    drawn = random.Random(seed)
    with repeatable(seed), pytest.MonkeyPatch.context() as patch:
        patch.setattr(entry, "secrets", SimpleNamespace(token_hex=lambda size: drawn.randbytes(size).hex()))
        for module in (pool, slot):
            patch.setattr(module, "time", SimpleNamespace(monotonic=loop_time))
        yield


@asynccontextmanager
async def opened(files: MappableFiles, root: str = ROOT) -> AsyncIterator[Collections]:
    """The store, once ``default`` has recovered."""
    options = CollectionsOptions(idle_s=IDLE_S)
    async with open_collections(root, OPTIONS, options, files=files) as all_:
        await all_.default.engine.ready()
        yield all_


async def seen_in(files: MappableFiles, root: str = ROOT) -> Seen:
    """What a store holds; raises Violation for a folder that is none of its collections'."""
    async with opened(files, root) as all_:
        return await seen(all_, files, root)


async def seen(all_: Collections, files: MappableFiles, root: str = ROOT) -> Seen:
    """What an open store holds."""
    rows: list[Row] = []
    for info in await all_.infos():
        async with all_.use(info.name) as collection:
            snapshot = collection.engine.snapshot()
            spec, recovery = snapshot.spec, collection.engine.recovery
            kinds = (
                "string" if spec.has_string_ids else "integer",
                "required" if spec.needs_vectors else "optional",
            )
            if recovery.mended or recovery.losses.is_open:
                raise Violation(f"{info.name} had to be mended: {recovery.mended}")
            rows.append((info.name, *kinds, snapshot.live, snapshot_digest(snapshot)))
            if (info.ids, info.vector) != kinds:
                raise Violation(f"{info.name} is listed as {info}, and is {kinds}")
    layout = StoreLayout(root)
    folders = files.list(layout.collections) if files.is_dir(layout.collections) else []
    if len(folders) != sum(name != DEFAULT for name, *_ in rows):
        raise Violation(f"there are the folders {folders}, and the collections {rows}")
    return tuple(sorted(rows)), tuple(sorted(all_.aliases.items()))


async def goes_on(files: MappableFiles) -> None:
    """A new collection and a write to each are accepted, and are still there after the next start."""
    async with opened(files) as all_:
        await all_.create(PROBE, AskedDefinition(dim=DIM))
        for info in await all_.infos():
            async with all_.use(info.name) as collection:
                id_ = "after" if info.ids == "string" else 10**6
                await collection.engine.upsert(keys([id_]), vectors(1, DIM), [b'{"after":1}'])
        written = await seen(all_, files)
    if (found := await seen_in(files)) != written:
        raise Violation(f"after writes there was {written}, after the next start {found}")
