"""The blocking store, for scripts and notebooks.

One event loop in a background thread runs the engine, and writes go there. Reads run in the caller's
thread, without a hop.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike

from anyio.from_thread import start_blocking_portal

from asteroid_cloud.api.embedded.blocking.changes import BlockingChangeCalls
from asteroid_cloud.api.embedded.blocking.event_loop import EventLoop
from asteroid_cloud.api.embedded.blocking.fields import BlockingFieldCalls
from asteroid_cloud.api.embedded.blocking.index import BlockingIndexCalls
from asteroid_cloud.api.embedded.blocking.load import BlockingLoadCalls
from asteroid_cloud.api.embedded.blocking.search import BlockingSearchCalls
from asteroid_cloud.api.embedded.blocking.vectors import BlockingVectorCalls
from asteroid_cloud.api.embedded.open import MEMORY_BUDGET_BYTES, open
from asteroid_cloud.api.service.quality.options import RECALL_MIN_DEFAULT, SAMPLE_EVERY_DEFAULT
from asteroid_cloud.indexer import RecoveryMode


class BlockingStore(
    BlockingIndexCalls,
    BlockingVectorCalls,
    BlockingSearchCalls,
    BlockingFieldCalls,
    BlockingLoadCalls,
    BlockingChangeCalls,
):
    """Use ``open_blocking`` of this package. Its methods may be called from any thread."""


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
    recall_sample_every: int = SAMPLE_EVERY_DEFAULT,
    recall_min: float = RECALL_MIN_DEFAULT,
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
            recall_sample_every=recall_sample_every,
            recall_min=recall_min,
        )
        with portal.wrap_async_context_manager(opened) as store:
            yield BlockingStore(store, EventLoop(portal))
