"""A snapshot: what the index holds as of one LSN, for as long as somebody reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer import _core
from asteroid_cloud.indexer.part import PartView
from asteroid_cloud.indexer.spec import IndexSpec
from asteroid_cloud.wal.types import Lsn


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Immutable; an id is alive in one part at most."""

    lsn: Lsn
    spec: IndexSpec
    parts: tuple[PartView, ...]
    live: int


@dataclass(frozen=True, slots=True)
class PartPlan:
    """How to search one part."""

    view: PartView
    mask: NDArray[np.uint8] | None
    """Packed bits of the rows that may be found; None for all of ``view.rows``."""
    matches: int
    """How many rows that is."""
    scan: bool
    """Measure every match rather than walk the graph."""


@dataclass(frozen=True, slots=True)
class Hits:
    """The answer to ``n`` queries; row i is ascending by (distance, id) and holds ``found[i]`` hits."""

    ids: NDArray[np.uint64]
    distances: NDArray[np.float32]
    parts: NDArray[np.uint32]
    """Which of the plans each hit comes from."""
    ordinals: NDArray[np.uint32]
    found: NDArray[np.uint32]
    visited: NDArray[np.uint64]
    """Rows measured for each query."""


def search_parts(
    plans: Sequence[PartPlan],
    queries: NDArray[np.float32],
    k: int,
    ef: int,
    *,
    exact: bool = False,
    threads: int = 1,
) -> Hits:
    """Searches all parts in one native call that releases the GIL.

    ``queries`` is float32 [n, dim], C-contiguous. Each query gets exactly ``min(k, Σ matches)`` hits: a
    walk that does not find them is followed by a scan. ``exact`` measures every match of every part
    against the float query. Final distances are always those of the float query to dequantised rows.
    """
    if not plans:
        empty = (len(queries), 0)
        return Hits(
            np.empty(empty, np.uint64),
            np.empty(empty, np.float32),
            np.empty(empty, np.uint32),
            np.empty(empty, np.uint32),
            np.zeros(len(queries), np.uint32),
            np.zeros(len(queries), np.uint64),
        )
    native = [
        (plan.view.part.native, plan.view.rows, plan.mask, plan.matches, plan.scan or plan.view.part.is_flat)
        for plan in plans
    ]
    return Hits(*_core.search(native, queries, k, max(ef, k), exact, threads))
