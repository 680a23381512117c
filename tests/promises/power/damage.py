"""Damage that no crash causes: flipped bits; lost, swapped and stale blocks. It is refused or has no effect.

The one exception is the end of the log, which may look like a torn tail. Then all records before it are
there.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

from asteroid_cloud.indexer import Engine, EngineOptions
from asteroid_cloud.wal.errors import CorruptionError, LogPruned, StorageError, UnsupportedVersion
from asteroid_cloud.wal.read.log_end import find_end
from tests.promises.power.check import ROOT, contents_of
from tests.promises.power.images import Image
from tests.promises.power.recording import MappableFiles
from tests.promises.power.stored import DIM, Contents
from tests.support.engines import u64, vectors
from tests.support.seeded_loop import threads_in_place

REFUSALS = (CorruptionError, UnsupportedVersion, LogPruned)
OPTIONS = EngineOptions(seal_rows=400, idle_seal_s=600, idle_flush_s=600, ef_construction=20, links_max=4)
BLOCKS = (512, 4096)


def built() -> tuple[Image, Image]:
    """Two images of one store with segments, a manifest and a log: the newest state, and an earlier one."""
    files = MappableFiles()

    async def write() -> Image:
        async with Engine.open(ROOT, OPTIONS, files=files) as engine:
            await engine.ready()
            await engine.create_index(DIM, "l2")
            for turn in range(2):
                await engine.upsert(u64(*range(300 * turn, 300 * turn + 400)), vectors(400, DIM, turn), None)
                await engine.flush()
            older = files.image()
            await engine.upsert(u64(*range(250, 1050)), vectors(800, DIM, 2), [b'{"a":1}'] * 800)
            await engine.delete(u64(*range(0, 60, 2)))
            await engine.flush()
            for turn in range(3):
                await engine.upsert(u64(*range(turn, 380 + turn)), vectors(380, DIM, 3 + turn), None)
        return older

    with threads_in_place():
        older = asyncio.run(write())
    return files.image(), older


def opened_as(image: Image) -> Contents | None:
    """What the store in the image holds; None when it is refused."""

    async def contents() -> Contents:
        async with Engine.open(ROOT, OPTIONS, files=MappableFiles(image)) as engine:
            await engine.ready()
            return contents_of(engine)

    with threads_in_place():
        try:
            return asyncio.run(contents())
        except REFUSALS:
            return None
        except StorageError as error:
            if "no such file" in error.message:
                return None
            raise


def prefixes(image: Image) -> set[Contents]:
    """All that the store may hold when its log loses its last frame, its last two, and so on."""
    log = newest_log(image)
    found: set[Contents] = set()
    data = image[log]
    end = find_end(MappableFiles(image), log.rpartition("/")[0], None)
    assert end is not None
    while (held := opened_as({**image, log: data})) is not None and held not in found:
        found.add(held)
        at = data.rfind(b"AFRM")
        if at < 0:
            break
        data = data[:at]
    return found


def newest_log(image: Image) -> str:
    """The path of the newest log file."""
    return max(path for path in image if path.endswith(".wal"))


def misdirected(image: Image, older: Image, seed: int) -> Image:
    """The image after one block was zeroed, swapped, doubled, taken from an older copy or another file."""
    drawn = random.Random(seed)
    size = drawn.choice(BLOCKS)
    path = drawn.choice([path for path in image if len(image[path]) >= 2 * size] or list(image))
    data = bytearray(image[path])
    at, other = (size * drawn.randrange(max(1, len(data) // size)) for _ in range(2))
    kind = drawn.choice(["zeroed", "swapped", "doubled", "stale", "foreign"])
    if kind == "zeroed":
        data[at : at + size] = bytes(len(data[at : at + size]))
    elif kind == "swapped" and at != other:
        one, two = bytes(data[at : at + size]), bytes(data[other : other + size])
        if len(one) == len(two):
            data[at : at + size], data[other : other + size] = two, one
    elif kind == "doubled":
        data[at : at + size] = data[other : other + size]
    elif kind == "stale" and path in older:
        data[at : at + size] = older[path][at : at + size]
    else:
        source = image[drawn.choice(list(image))]
        data[at : at + size] = source[at : at + size]
    return {**image, path: bytes(data)}


def flips(data: bytes) -> Iterator[bytes]:
    """The data with each bit flipped in turn."""
    flipped = bytearray(data)
    for bit in range(8 * len(data)):
        flipped[bit // 8] ^= 1 << bit % 8
        yield bytes(flipped)
        flipped[bit // 8] ^= 1 << bit % 8
