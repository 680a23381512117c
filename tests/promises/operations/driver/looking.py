"""What a look at a store finds: what it holds, and what its folder tells without opening it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from asteroid_cloud.indexer import Engine, EngineOptions
from asteroid_cloud.indexer.checkpoint.manifest import newest_manifest
from asteroid_cloud.indexer.checkpoint.open_checkpoint import open_checkpoint
from asteroid_cloud.indexer.loss.loss_record import read_loss_record
from asteroid_cloud.indexer.model.ids import Id
from asteroid_cloud.wal.disk import StoreLayout, replaced_states
from asteroid_cloud.wal.errors import AsteroidError, CorruptionError, NotFound
from asteroid_cloud.wal.limits import PAYLOAD_BYTES_MAX
from asteroid_cloud.wal.read import LogReader
from asteroid_cloud.wal.store import enter
from tests.promises.power.check import contents_of
from tests.promises.power.script import OPTIONS
from tests.promises.power.stored import Contents


class Outside(NamedTuple):
    """What the folder of a store tells."""

    is_lossy: bool = False
    """Whether something is lost that nobody has acknowledged."""
    log_is_damaged: bool = False
    """Whether bytes of its log are not as they were written; a torn end does not count."""
    last_lsn: int = 0
    """The last record of its log."""
    branched_at: int | None = None
    """The record from which its newest history went on; None when the log does not say."""
    replaced: int = 0
    """How many states lie there that an undo could bring back."""


class Inside(NamedTuple):
    """What an open store holds."""

    contents: Contents
    lsn: int
    ids: frozenset[Id]


class Seen(NamedTuple):
    """What a look at a store has found."""

    code: str
    """Of the error with which it does not open; empty when it does."""
    outside: Outside
    inside: Inside | None = None


def look_at(copy: Any, folder: str, wait: Callable[[Any], Any]) -> Seen:
    """What the copy of a store holds, once it is entered: an interrupted swap is finished then."""
    found = Outside()
    try:
        with enter(copy, folder, creates=True):
            found = outside(copy, folder)
        options = options_of(keep_log=True, salvages=found.is_lossy)
        return Seen("", found, wait(seen_in(copy, folder, options)))
    except AsteroidError as error:
        return Seen(error.code, found)


def outside(files: Any, folder: str) -> Outside:
    """What a folder tells of the store in it."""
    is_lossy = read_loss_record(files, StoreLayout(folder).collection()).is_open
    replaced = len(replaced_states(files.list(folder)))
    log = LogReader(files, f"{folder}/wal")
    try:
        checked, jumps = log.check(bodies=False), log.jumps
    except NotFound:  # the start that was to make it was killed
        return Outside(is_lossy, replaced=replaced)
    branched_at = int(jumps[-1].branched_at) if jumps else None
    return Outside(is_lossy, bool(checked.damage), int(checked.last_lsn), branched_at, replaced)


def index_is_damaged(copy: Any, folder: str) -> bool:
    """Whether the newest checkpoint of the copy of a store does not open, once it is entered."""
    with enter(copy, folder, creates=True) as access:
        index = access.layout.index
        try:
            manifest = newest_manifest(copy, index) if copy.exists(index) else None
            open_checkpoint(copy, index, manifest, manifest.identity if manifest else bytes(16))
        except CorruptionError:
            return True
    return False


async def seen_in(files: Any, folder: str, options: EngineOptions) -> Inside:
    """What a store holds; raises AsteroidError."""
    async with Engine.open(folder, options, files=files) as engine:
        await engine.ready()
        return inside(engine)


def inside(engine: Engine) -> Inside:
    """What an engine holds."""
    ids: set[Id] = set()
    for view in engine.snapshot().parts if engine.spec is not None else ():
        every = view.all_ids()
        ids.update(every[view.find(every) >= 0].tolist())
    return Inside(contents_of(engine), engine.applied_lsn, frozenset(ids))


def options_of(*, keep_log: bool | None = None, salvages: bool = False) -> EngineOptions:
    """Small segments, what is to be said about the log, and whether to give up what is damaged."""
    recovery = "salvage" if salvages else "tail"
    return msgspec.structs.replace(
        OPTIONS, keep_log=keep_log, recovery=recovery, payload_bytes_max=PAYLOAD_BYTES_MAX
    )
