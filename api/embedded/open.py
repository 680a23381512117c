"""Opening a store inside a program."""

from __future__ import annotations

from os import PathLike, fspath
from typing import Literal

import msgspec

from asteroid_cloud.api.embedded.store import Opening, Store
from asteroid_cloud.api.service.quality.options import (
    RECALL_MIN_DEFAULT,
    SAMPLE_EVERY_DEFAULT,
    checked_options,
)
from asteroid_cloud.indexer import BackupReport, EngineOptions, RecoveryMode, RetentionChange, restore_backup
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.limits import MIB

MEMORY_BUDGET_BYTES = 256 * MIB


def restore(backup: str | PathLike[str], into: str | PathLike[str]) -> BackupReport:
    """Makes a store of a backup, checking every byte; ``into`` must be empty or absent.

    Raises NotFound (``no_backup``), Conflict (``not_empty``) and StorageError (``corruption``, …).
    """
    return restore_backup(LocalFiles(), fspath(backup), fspath(into))


def open(
    path: str | PathLike[str],
    dim: int | None = None,
    metric: str = "l2",
    *,
    bits: int = 16,
    memory_budget_bytes: int = MEMORY_BUDGET_BYTES,
    keep_log: bool | None = None,
    log_retention_bytes: int | Literal["none"] | None = None,
    log_retention_s: float | Literal["none"] | None = None,
    recovery: RecoveryMode = "tail",
    recall_sample_every: int = SAMPLE_EVERY_DEFAULT,
    recall_min: float = RECALL_MIN_DEFAULT,
) -> Opening:
    """A store in this process, recovered and ready.

    ``async with open(…) as store`` closes it on leaving, with all its writes kept; after
    ``store = await open(…)`` call its ``aclose``.

    With ``dim`` the index is created if there is none, as ``Store.create_index`` does; one of another
    dimension, metric or precision raises Conflict (``index_differs``). The log is kept for ``changes`` and
    for restores to a point in time up to either bound, or all of it with ``keep_log``; else only as long as a
    restart needs it. The store remembers that: None changes nothing, "none" ends a bound.
    One search of ``recall_sample_every`` (0 for none) is repeated exactly in the background, and ``stats``
    has the recall; below ``recall_min`` searches that name no ``ef_search`` look farther.
    Raises LockHeld when another process has the directory open, and StorageError when the damage on the disk
    is more than ``recovery`` ("strict", "tail" or "salvage") may repair; ``recovery()`` says what was
    repaired and what was lost.
    """
    age = log_retention_s if isinstance(log_retention_s, str | None) else round(1000 * log_retention_s)
    retention = RetentionChange(_bound(log_retention_bytes), _bound(age))
    options = EngineOptions(
        memory_budget_bytes=memory_budget_bytes,
        keep_log=keep_log,
        log_retention=retention,
        recovery=recovery,
    )
    quality = checked_options(recall_sample_every, recall_min)

    async def opened() -> Store:
        store = await Store.open(path, options, quality)
        try:
            await store.engine.ready()
            if dim is not None:
                await store.ensure_index(dim, metric, bits)
        except BaseException:
            await store.aclose()
            raise
        return store

    return Opening(opened)


def _bound(said: int | str | None) -> int | msgspec.UnsetType | None:
    """A bound as the engine wants it: a number, None for none any more, or nothing said."""
    if said is None:
        return msgspec.UNSET
    return None if isinstance(said, str) else said
