"""Links rows to a graph, a bounded number at a time, and says which old graph is worth going on with."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer.build.source import Source, rows_of, split
from asteroid_cloud.indexer.native import core
from asteroid_cloud.indexer.segment.segment import Segment

JOINS_MAX = 5
"""Merges that a graph may grow by before a new one is built."""
DEAD_SHARE_OF_JOINED_MAX = 0.2
"""Share of deleted rows up to which a graph is kept, and its gaps bridged."""
LINK_STEPS = core.LINK_STEPS
"""What linking a row at once with others counts as in the native core's progress; joining it counts 1."""


class Linker:
    """Appends rows to a graph builder and links them to the graph that is there."""

    def __init__(
        self, graph: core.GraphBuilder, rows_max: int, threads: Callable[[], int], progress: core.Progress
    ) -> None:
        """``threads`` is asked before each step: how many may be used changes."""
        self._graph = graph
        self._rows_max = rows_max
        self._threads = threads
        self._progress = progress
        self._linked = graph.rows

    def append(self, keys: NDArray[np.uint64], encoded: NDArray[np.uint8]) -> None:
        """Adds quantised rows; links once ``rows_max`` rows wait for it."""
        while len(keys):
            room = self._rows_max - (self._graph.rows - self._linked)
            self._graph.append(keys[:room], encoded[:room])
            keys, encoded = keys[room:], encoded[room:]
            if self._graph.rows - self._linked == self._rows_max:
                self.finish()

    def finish(self) -> None:
        """Links the rows that are not linked yet."""
        if self._linked == self._graph.rows:
            return
        self._graph.link_all(self._linked, self._threads(), self._progress)
        self._graph.join(self._linked, self._threads(), self._progress)
        self._linked = self._graph.rows


def graphs_to_keep(sources: Sequence[Source]) -> list[Source]:
    """The sources whose graphs a merge goes on with, the largest first; empty when a new graph is better.

    Each must have lost few rows, not be of an old version, and not have been joined to too often: a graph
    that is patched again and again becomes worse than a new one (Lucene's merges lost recall that way).
    Together they must hold most of the rows.
    """
    kept = sorted(filter(_is_in_good_order, sources), key=lambda source: -len(source.ordinals))
    held = sum(len(source.ordinals) for source in kept)
    others = sum(len(source.ordinals) for source in sources) - held
    return kept if others <= held else []


def joins_of(kept: Sequence[Source]) -> int:
    """How often a graph that goes on with these will have been joined to."""
    return max((source.part.joins + 1 for source in kept if isinstance(source.part, Segment)), default=0)


def steps_of(sources: Sequence[Source]) -> int:
    """About what the native core's progress counts until all rows are linked."""
    linked, _ = split(sources)
    kept, rows = graphs_to_keep(linked), rows_of(linked)
    if not kept:
        return LINK_STEPS * rows
    adopted = sum(len(source.ordinals) for source in kept)
    joined = adopted - len(kept[0].ordinals)
    return adopted + joined + (LINK_STEPS + 1) * (rows - adopted)


def _is_in_good_order(source: Source) -> bool:
    """Whether the graph of a source is worth going on with."""
    part = source.part
    if not isinstance(part, Segment) or part.joins >= JOINS_MAX or part.is_of_0_1:
        return False
    rows = part.native.vector_rows
    return rows - len(source.ordinals) <= DEAD_SHARE_OF_JOINED_MAX * rows
