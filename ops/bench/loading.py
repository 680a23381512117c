"""Inserting everything through ``insert_batch``, one writer, and waiting until it is indexed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol

import asteroid_cloud.api as api
from asteroid_cloud.client import Client
from ops.bench.data import Dataset, Vectors
from ops.bench.memory import Memory, bytes_under, memory_of
from ops.bench.results import Loaded
from ops.bench.workload import BATCH_ROWS
from ops.server import Server

QUIET = ("--log-level", "error")
"""A server's option: without it each start would warn that there is no key."""
POLL_S = 0.05
STILL_S = 3.0
"""Longer than the engine's idle times: when nothing was sealed or merged for so long, nothing will be."""
SETTLE_S_MAX = 900.0

Item = tuple[int, Vectors, Mapping[str, object] | None]


class Figures(Protocol):
    """What the ``stats`` of the embedded store and of the client have in common."""

    def __getitem__(self, name: str) -> object: ...


class Watch:
    """Follows a store's figures until its background work has ended."""

    def __init__(self, stats: Callable[[], Figures], began_s: float) -> None:
        self.indexed_s = 0.0
        self.settled_s = 0.0
        self.segments = 0
        self.log_bytes = 0
        self.segment_bytes = 0
        self._stats = stats
        self._began_s = began_s

    def until_settled(self) -> None:
        """Returns when all is indexed and merged; raises TimeoutError when that takes too long."""
        last: tuple[int, ...] = ()
        while True:
            stats, now_s = self._stats(), time.perf_counter()
            names = ("lag_records", "merging", "segments", "log_bytes", "segment_bytes")
            figures = tuple(number_of(stats, name) for name in names)
            lag, merging, self.segments, self.log_bytes, self.segment_bytes = figures
            if figures != last or lag or merging:
                last, self.settled_s = figures, now_s - self._began_s
            if not lag and not self.indexed_s:
                self.indexed_s = now_s - self._began_s
            if now_s - self._began_s - self.settled_s > STILL_S:
                return
            if now_s - self._began_s > SETTLE_S_MAX:
                raise TimeoutError(f"after {SETTLE_S_MAX:.0f} s the store is still at work: {figures}")
            time.sleep(POLL_S)


def number_of(stats: Figures, name: str) -> int:
    """One integer of a store's figures."""
    value = stats[name]
    assert isinstance(value, int), f"{name} is {value!r}"
    return value


def load_embedded(dataset: Dataset, folder: Path) -> Loaded:
    """Loads a store in this process and flushes it."""
    with api.open_blocking(folder, dataset.dim, dataset.metric) as store:
        return _load(
            dataset,
            folder,
            lambda items: store.insert_batch(items, chunk_size=BATCH_ROWS, progress=False),
            store.stats,
            store.flush,
            memory_of,
        )


def load_http(dataset: Dataset, folder: Path) -> Loaded:
    """Loads a server through the blocking client; the server seals its memtable when it is idle."""
    with Server(folder, *QUIET) as server, Client(base_url=server.url) as client:
        client.create_index(dataset.dim, dataset.metric)
        return _load(
            dataset,
            folder,
            lambda items: client.insert_batch(items, chunk_size=BATCH_ROWS, progress=False),
            client.stats,
            lambda: None,
            lambda: memory_of(server.process.pid),
        )


def _load(
    dataset: Dataset,
    folder: Path,
    insert: Callable[[Iterable[Item]], int],
    stats: Callable[[], Figures],
    flush: Callable[[], None],
    memory: Callable[[], Memory],
) -> Loaded:
    began_s = time.perf_counter()
    inserted = insert(dataset.items())
    acknowledged_s = time.perf_counter() - began_s
    assert inserted == dataset.rows, f"{inserted} of {dataset.rows} rows were acknowledged"
    flush()
    watch = Watch(stats, began_s)
    watch.until_settled()
    assert number_of(stats(), "vectors") == dataset.rows, "the store counts other rows than were inserted"
    return Loaded(
        dataset.rows,
        acknowledged_s,
        watch.indexed_s,
        watch.settled_s,
        watch.segments,
        memory(),
        watch.log_bytes,
        watch.segment_bytes,
        bytes_under(folder),
    )
