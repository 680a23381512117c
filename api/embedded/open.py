"""Opening a store inside a program."""

from __future__ import annotations

from os import PathLike, fspath
from typing import Literal

import msgspec

from asteroid_cloud.api.embedded.store import Opening, Store
from asteroid_cloud.api.service.checks import integer
from asteroid_cloud.api.service.quality.options import (
    RECALL_MIN_DEFAULT,
    SAMPLE_EVERY_DEFAULT,
    checked_options,
)
from asteroid_cloud.indexer import BackupReport, EngineOptions, RecoveryMode, RetentionChange, restore_backup
from asteroid_cloud.wal import LocalFiles
from asteroid_cloud.wal.errors import InvalidRequest
from asteroid_cloud.wal.limits import MIB, PAYLOAD_BYTES_DEFAULT, PAYLOAD_BYTES_MAX, PAYLOAD_BYTES_MIN

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
    payload_bytes_max: int = PAYLOAD_BYTES_DEFAULT,
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
    A payload that is written has at most ``payload_bytes_max`` bytes as JSON, from 1,024 to 1,048,576; larger
    ones that are stored already are served.
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
        payload_bytes_max=_payload_bytes_max(payload_bytes_max),
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


def _payload_bytes_max(asked: int) -> int:
    size = integer("payload_bytes_max", asked, code="bad_settings")
    if not PAYLOAD_BYTES_MIN <= size <= PAYLOAD_BYTES_MAX:
        bounds = f"from {PAYLOAD_BYTES_MIN} to {PAYLOAD_BYTES_MAX}"
        raise InvalidRequest(f"payload_bytes_max must be {bounds}", code="bad_settings")
    return size


def _bound(said: int | str | None) -> int | msgspec.UnsetType | None:
    """A bound as the engine wants it: a number, None for none any more, or nothing said."""
    if said is None:
        return msgspec.UNSET
    return None if isinstance(said, str) else said
