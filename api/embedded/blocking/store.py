"""The blocking store, for scripts and notebooks.

One event loop in a background thread runs the engine, and writes go there. Reads run in the caller's
thread, without a hop.
"""

from __future__ import annotations

import os
import warnings
from os import PathLike
from types import TracebackType
from typing import Literal, Self

from asteroid_cloud.api.embedded.blocking.changes import BlockingChangeCalls
from asteroid_cloud.api.embedded.blocking.collection import BlockingCollection
from asteroid_cloud.api.embedded.blocking.event_loop import EventLoop
from asteroid_cloud.api.embedded.blocking.fields import BlockingFieldCalls
from asteroid_cloud.api.embedded.blocking.index import BlockingIndexCalls
from asteroid_cloud.api.embedded.blocking.load import BlockingLoadCalls
from asteroid_cloud.api.embedded.blocking.mixed import BlockingMixedCalls
from asteroid_cloud.api.embedded.blocking.search import BlockingSearchCalls
from asteroid_cloud.api.embedded.blocking.server import BlockingServerCalls
from asteroid_cloud.api.embedded.blocking.vectors import BlockingVectorCalls
from asteroid_cloud.api.embedded.open import MEMORY_BUDGET_BYTES, open
from asteroid_cloud.api.embedded.store import Opening, not_copied
from asteroid_cloud.api.service.quality.options import RECALL_MIN_DEFAULT, SAMPLE_EVERY_DEFAULT
from asteroid_cloud.indexer import RecoveryMode


class BlockingStore(
    BlockingServerCalls,
    BlockingIndexCalls,
    BlockingVectorCalls,
    BlockingSearchCalls,
    BlockingFieldCalls,
    BlockingLoadCalls,
    BlockingMixedCalls,
    BlockingChangeCalls,
):
    """Use ``open_blocking`` of this package. Its methods may be called from any thread.

    It belongs to the process that opened it. Several may be closed in any order.
    """

    @property
    def path(self) -> str:
        """The data directory."""
        return self._store.path

    def collection(self, name: str) -> BlockingCollection:
        """A collection by its name, or by an alias; nothing is asked before its first call.

        Raises InvalidRequest (``bad_collection_name``) for what is no text.
        """
        return BlockingCollection(self._loop, self._store.collection(name))

    def close(self) -> None:
        """Closes the store, with all its writes kept; the second time it does nothing.

        Calls under way and later ones raise Conflict (``store_closed``). In a forked child it does nothing.
        """
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> str:
        raise not_copied()

    def __del__(self) -> None:
        if not hasattr(self, "_loop") or self._loop.process != os.getpid() or self._store.life.is_closed:
            return
        warnings.warn(f"unclosed store {self.path}", ResourceWarning, 2, self)
        self._loop.abandon()


def open_blocking(
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
) -> BlockingStore:
    """A store in this process, as ``open`` gives it, with methods that block.

    It has ``close``, and ``with`` closes it at the end.
    """

    def opening() -> Opening:
        return open(
            path,
            dim,
            metric,
            bits=bits,
            memory_budget_bytes=memory_budget_bytes,
            keep_log=keep_log,
            log_retention_bytes=log_retention_bytes,
            log_retention_s=log_retention_s,
            recovery=recovery,
            recall_sample_every=recall_sample_every,
            recall_min=recall_min,
        )

    return BlockingStore(EventLoop(opening))
