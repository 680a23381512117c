"""The blocking twin of the embedded store, for scripts and notebooks.

One event loop in a background thread runs the engine; writes go there. Reads do not: a snapshot is
immutable, so they run in the caller's thread, without a hop.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from typing import TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

from asteroid_cloud.api.embedded.blocking_reads import BlockingReads
from asteroid_cloud.api.embedded.blocking_writes import BlockingWrites
from asteroid_cloud.api.embedded.changes import Change
from asteroid_cloud.api.embedded.open import MEMORY_BUDGET_BYTES, open
from asteroid_cloud.api.embedded.store import Store
from asteroid_cloud.api.service.results import IndexInfo, Stats
from asteroid_cloud.indexer import BackupReport, PurgeReport, Recovery, RecoveryMode, TagInfo

T = TypeVar("T")


class BlockingStore(BlockingReads, BlockingWrites):
    """Use ``open_blocking`` of this package. Its methods may be called from any thread."""

    def __init__(self, store: Store, portal: BlockingPortal) -> None:
        self._store = store
        self._portal = portal

    def _run(self, call: Callable[[], Awaitable[T]]) -> T:
        return self._portal.call(call)

    def create_index(self, dim: int, metric: str = "l2", bits: int = 16) -> IndexInfo:
        """Creates the index; see ``Store.create_index``."""
        return self._run(lambda: self._store.create_index(dim, metric, bits))

    def get_index(self) -> IndexInfo:
        """The index's ``dim``, ``metric`` and ``bits``, all None before it is created."""
        return self._run(self._store.get_index)

    def delete_index(self) -> IndexInfo:
        """Deletes the index and all its data, for good. Without an index it does nothing."""
        return self._run(self._store.delete_index)

    def stats(self) -> Stats:
        """The store's figures."""
        return self._run(self._store.stats)

    def recovery(self) -> Recovery:
        """What opening the store found on the disk: what was whole, what was cut and why, and the time."""
        return self._run(self._store.recovery)

    def health(self) -> bool:
        """True: a store that answers is alive."""
        return self._run(self._store.health)

    def ready(self) -> bool:
        """Whether there is an index."""
        return self._run(self._store.ready)

    def wait_for(self, lsn: int, timeout: float | None = None) -> int:
        """Waits until reads cover ``lsn``; returns the LSN that they do cover."""
        return self._run(lambda: self._store.wait_for(lsn, timeout))

    def backup(
        self, folder: str | PathLike[str], previous: str | PathLike[str] | None = None
    ) -> BackupReport:
        """Copies the store as it is now into a new folder; see ``Store.backup``."""
        return self._run(lambda: self._store.backup(folder, previous))

    def tag(self, name: str) -> TagInfo:
        """Names the present state; see ``Store.tag``."""
        return self._run(lambda: self._store.tag(name))

    def tags(self) -> list[TagInfo]:
        """The tags there are, the newest first."""
        return self._run(self._store.tags)

    def untag(self, name: str) -> None:
        """Forgets a tag, and what only it needed."""
        return self._run(lambda: self._store.untag(name))

    def purge(self) -> PurgeReport:
        """Erases all that was deleted or replaced until now; see ``Store.purge``."""
        return self._run(self._store.purge)

    def changes(
        self,
        since: int = 0,
        *,
        include: Sequence[str] | None = None,
        follow: bool = True,
        limit: int | None = None,
    ) -> Iterator[Change]:
        """What was logged after LSN ``since``; see ``Store.changes``."""
        changes = self._store.changes(since, include=include, follow=follow, limit=limit)
        try:
            while (change := self._run(lambda: anext(changes, None))) is not None:
                yield change
        finally:
            self._run(changes.aclose)

    def flush(self) -> None:
        """Moves the tail into segments and shrinks the log; for durability there is no need of it."""
        self._run(self._store.flush)


@contextmanager
def open_blocking(
    path: str | PathLike[str],
    dim: int | None = None,
    metric: str = "l2",
    *,
    bits: int = 16,
    memory_budget_bytes: int = MEMORY_BUDGET_BYTES,
    log_retention_bytes: int | None = None,
    log_retention_s: float | None = None,
    recovery: RecoveryMode = "tail",
) -> Iterator[BlockingStore]:
    """A store in this process, as ``open`` gives it, with methods that block."""
    with start_blocking_portal(name="asteroid-store") as portal:
        opened = open(
            path,
            dim,
            metric,
            bits=bits,
            memory_budget_bytes=memory_budget_bytes,
            log_retention_bytes=log_retention_bytes,
            log_retention_s=log_retention_s,
            recovery=recovery,
        )
        with portal.wrap_async_context_manager(opened) as store:
            yield BlockingStore(store, portal)
