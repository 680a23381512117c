"""A snapshot: what the index holds as of one LSN, for as long as somebody reads it."""

from __future__ import annotations

import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer.model.ids import Keys
from asteroid_cloud.indexer.model.part import Part, PartView
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.indexer.native import core
from asteroid_cloud.indexer.texts.definition import TextDefinition
from asteroid_cloud.wal import FIRST_HISTORY, Histories, Lsn
from asteroid_cloud.wal.errors import CorruptionError

SEARCHING_S = 1.0
"""So long after a search another one is expected."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Immutable; an id is alive in one part at most."""

    lsn: Lsn
    spec: IndexSpec
    parts: tuple[PartView, ...]
    live: int
    histories: Histories = FIRST_HISTORY
    """Those that led to ``lsn``: which positions were abandoned."""
    text: TextDefinition | None = None
    """Which fields are indexed as text; None for no such index."""
    memo: dict[Hashable, object] = field(default_factory=dict, compare=False, repr=False)
    """What readers worked out for this snapshot alone, kept as long as it is; they see to its bound."""


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


class Hits(msgspec.Struct, frozen=True, gc=False):
    """The answer to ``n`` queries; row i is ascending by (distance, id) and holds ``found[i]`` hits."""

    ids: Keys
    distances: NDArray[np.float64]
    parts: NDArray[np.uint32]
    """Which of the plans each hit comes from."""
    ordinals: NDArray[np.uint32]
    found: NDArray[np.uint32]
    visited: NDArray[np.uint64]
    """Rows measured for each query."""
    rescanned: NDArray[np.uint32]
    """Parts that were scanned after a walk had found too few, for each query."""
    error_bounds: NDArray[np.float64] | None = None
    """For each query, how much nearer than its last hit the nearest row is that a walk measured by first
    bytes and left out; 0 if none is, and where every match was measured. None unless asked for."""


class SearchActivity:
    """Whether anybody searches: builds leave a processor to those who do. For any thread."""

    def __init__(self) -> None:
        self._last_s = float("-inf")

    def note(self) -> None:
        """A search begins."""
        self._last_s = time.monotonic()

    @property
    def is_recent(self) -> bool:
        """Whether a search began less than SEARCHING_S ago."""
        return time.monotonic() - self._last_s < SEARCHING_S


SEARCHES = SearchActivity()
"""Those of this process: all its stores share the processors."""


def prepared(plans: Sequence[PartPlan]) -> core.PartPlans:
    """The plans as the native core wants them; good for any number of searches."""
    return core.PartPlans([_native_plan(plan, plan.view.part) for plan in plans])


def _native_plan(plan: PartPlan, part: Part) -> tuple[core.Part, int, NDArray[np.uint8] | None, int, bool]:
    rows = min(plan.view.rows, part.native.vector_rows)  # rows without a vector come last, or are masked
    return part.native, rows, plan.mask, plan.matches, plan.scan or part.is_flat


def search_prepared(
    plans: core.PartPlans,
    queries: NDArray[np.float32],
    k: int,
    ef: int,
    *,
    exact: bool = False,
    threads: int = 1,
    bounds: bool = False,
    allowance: core.Allowance | None = None,
) -> Hits:
    """Searches all parts in one native call that releases the GIL.

    ``queries`` is float32 [n, dim], C-contiguous. Each query gets exactly ``min(k, Σ matches)`` hits: a
    walk that does not find them is followed by a scan. ``exact`` measures every match of every part
    against the float query. Final distances are always those of the float query to dequantised rows.
    ``bounds`` asks for ``Hits.error_bounds``, which takes about as long again. ``allowance`` is told of every
    component that is measured; raises core.Cancelled when it does, and CorruptionError when the ids in a file
    are not as they were.
    """
    SEARCHES.note()
    try:
        return Hits(*core.search(plans, queries, k, max(ef, k), exact, threads, bounds, allowance))
    except core.DamagedSegment as damage:
        raise CorruptionError("a segment", 0, str(damage)) from damage


def search_parts(
    plans: Sequence[PartPlan],
    queries: NDArray[np.float32],
    k: int,
    ef: int,
    *,
    exact: bool = False,
    threads: int = 1,
) -> Hits:
    """Searches parts by plans that are used once; as ``search_prepared``."""
    return search_prepared(prepared(plans), queries, k, ef, exact=exact, threads=threads)
