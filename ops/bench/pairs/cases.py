"""What is measured: each case prepares two processes and then asks them in turn for the same."""

from __future__ import annotations

import itertools
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from ops.bench.pairs.rows import BATCH, EF, QUERIES, ROWS, items, payload, vectors
from ops.bench.pairs.side import Server, Side
from ops.bench.pairs.wire import Wire, request

DIM = 384
SEARCHES, BATCHES, INSERTS = 200, 2, 100
"""Calls of one slice."""
SETTLE_S_MAX = 120.0
LOOKS = 5


class Asked(msgspec.Struct, frozen=True):
    """One of the two processes, ready to be measured."""

    pid: int
    prepare: Callable[[], None]
    """Before each slice, not measured."""
    run: Callable[[], None]
    """One slice."""


class Case(msgspec.Struct, frozen=True):
    """One thing that is compared."""

    name: str
    calls: int
    """Of one slice."""
    open: Callable[[Side, Side, Path], object]
    """A context manager of the two, both ready."""


@contextmanager
def _searched(before: Side, after: Side, folder: Path) -> Iterator[tuple[Asked, Asked]]:
    """Both on the same files, which ``before`` has written."""
    with before.server(folder / "before") as server:
        _fill(server, "/v1")
    shutil.copytree(folder / "before", folder / "after")
    with ExitStack() as stack:
        first, second = (
            _search(stack, stack.enter_context(side.server(folder / name)), "/v1/search")
            for side, name in ((before, "before"), (after, "after"))
        )
        yield first, second


@contextmanager
def _named(_: Side, after: Side, folder: Path) -> Iterator[tuple[Asked, Asked]]:
    """One server, under the paths without a name and under that of a collection with the same rows."""
    with ExitStack() as stack:
        server = stack.enter_context(after.server(folder / "named"))
        _fill(server, "/v1")
        _fill(server, "/v1/collections/x", "/v1/collections/x")
        yield _search(stack, server, "/v1/search"), _search(stack, server, "/v1/collections/x/search")


def _written(dim: int, kind: str) -> Callable[[Side, Side, Path], object]:
    """Batches or single rows over HTTP, each slice into an empty index."""

    @contextmanager
    def opened(before: Side, after: Side, folder: Path) -> Iterator[tuple[Asked, Asked]]:
        with ExitStack() as stack:
            first, second = (
                _write(stack, stack.enter_context(side.server(folder / side.name)), dim, kind)
                for side in (before, after)
            )
            yield first, second

    return opened


def _embedded(what: str, dim: int, count: int) -> Callable[[Side, Side, Path], object]:
    """A call of the embedded store."""

    @contextmanager
    def opened(before: Side, after: Side, folder: Path) -> Iterator[tuple[Asked, Asked]]:
        if what == "search":
            with before.server(folder / "before") as server:
                _fill(server, "/v1")
            shutil.copytree(folder / "before", folder / "after")
        with ExitStack() as stack:
            first, second = (
                _work(stack, side, folder / name, what, dim, count)
                for side, name in ((before, "before"), (after, "after"))
            )
            yield first, second

    return opened


CASES = (
    Case("search over HTTP", SEARCHES, _searched),
    Case("search under a name over HTTP ÷ without one", SEARCHES, _named),
    Case("batches of 384 over HTTP", BATCHES * BATCH, _written(DIM, "batches")),
    Case("batches of 64 over HTTP", BATCHES * BATCH, _written(64, "batches")),
    Case("single rows of 64 over HTTP", INSERTS, _written(64, "inserts")),
    Case("search, embedded", SEARCHES, _embedded("search", DIM, SEARCHES)),
    Case("batches of 384, embedded", BATCHES * BATCH, _embedded("batches", DIM, BATCHES)),
    Case("batches of 64, embedded", BATCHES * BATCH, _embedded("batches", 64, BATCHES)),
    Case("single rows of 64, embedded", INSERTS, _embedded("inserts", 64, INSERTS)),
)
"""For batches a call is a row."""


def _nothing() -> None:
    """Where a slice needs no preparation."""


def _fill(server: Server, base: str, definition: str = "/v1/index") -> None:
    """Makes an index with ROWS rows, and waits until all of it is in segments."""
    with Wire(server.address) as wire:
        wire.ask("PUT", definition, {"dim": DIM, "metric": "cosine"})
        for first in range(0, ROWS, BATCH):
            wire.ask("POST", f"{base}/vectors/batch", {"items": items(DIM, first, BATCH, seed=first)})
        _settle(wire, base)


def _settle(wire: Wire, base: str) -> None:
    """Waits until nothing is built any more, looking several times: a merge may follow another."""
    quiet, until_s = 0, time.monotonic() + SETTLE_S_MAX
    while quiet < LOOKS:
        found = wire.ask("GET", f"{base}/stats")
        quiet = 0 if found["lag_records"] or found["merging"] or found["building"] else quiet + 1
        if time.monotonic() > until_s:
            raise RuntimeError("the index does not settle")
        time.sleep(0.2)


def _search(stack: ExitStack, server: Server, path: str) -> Asked:
    wire = stack.enter_context(Wire(server.address))
    _settle(wire, path.removesuffix("/search"))
    asked = [{"vector": row.tolist(), "k": 10, "ef_search": EF} for row in vectors(QUERIES, DIM, 2)]
    bodies = [request("POST", path, each) for each in asked]

    def run() -> None:
        for at in range(SEARCHES):
            wire.send(bodies[at % QUERIES])

    return Asked(server.pid, _nothing, run)


def _write(stack: ExitStack, server: Server, dim: int, kind: str) -> Asked:
    wire, ids = stack.enter_context(Wire(server.address)), itertools.count()
    batch = request("POST", "/v1/vectors/batch", {"items": items(dim, 0, BATCH)})
    rows = vectors(BATCH, dim, 1)

    def single() -> bytes:
        id = next(ids)
        body = {"id": id, "vector": rows[id % BATCH].tolist(), "metadata": payload(id)}
        return request("POST", "/v1/vectors", body)

    asked = list[bytes]()

    def prepare() -> None:
        wire.ask("DELETE", "/v1/index")
        wire.ask("PUT", "/v1/index", {"dim": dim, "metric": "cosine"})
        asked[:] = [batch] * BATCHES if kind == "batches" else [single() for _ in range(INSERTS)]

    def run() -> None:
        for each in asked:
            wire.send(each)

    return Asked(server.pid, prepare, run)


def _work(stack: ExitStack, side: Side, folder: Path, what: str, dim: int, count: int) -> Asked:
    worker = stack.enter_context(side.worker(folder))
    if what == "search":
        return Asked(worker.pid, _nothing, lambda: worker.do("search", count))
    return Asked(worker.pid, lambda: worker.do("fresh", dim), lambda: worker.do(what, dim, count))
