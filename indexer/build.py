"""Graphs from rows: sealing a block, merging segments. Plain functions for a worker thread.

Each gives back the number of a segment whose two files are complete and synced, or None when no row
was alive. Until a manifest names them the files are nobody's, and the next start removes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer import _core
from asteroid_cloud.indexer.part import Part
from asteroid_cloud.indexer.payload_file import write_payloads
from asteroid_cloud.indexer.segment import graph_path, payload_path
from asteroid_cloud.indexer.segment_file import write_segment
from asteroid_cloud.indexer.spec import EngineOptions, IndexSpec
from asteroid_cloud.wal.errors import NoSpace, StorageError
from asteroid_cloud.wal.files import Files

SLICE_ROWS = 256
PAYLOAD_SLICE_ROWS = 16_384


class Abandoned(Exception):
    """The rows are wanted no longer: the index was deleted, or the engine is closing."""


@dataclass(frozen=True, slots=True)
class Source:
    """Rows of one part that go into a segment."""

    part: Part
    ordinals: NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class SegmentBuilder:
    """Everything that writing segments of one store takes."""

    files: Files
    folder: str
    identity: bytes
    options: EngineOptions

    def build(
        self, number: int, spec: IndexSpec, sources: Sequence[Source], is_wanted: Callable[[], bool]
    ) -> int | None:
        """Builds one graph over all rows of ``sources`` and writes it as segment ``number``.

        Raises Abandoned once ``is_wanted()`` is false, and NoSpace or StorageError from the disk.
        """
        rows = sum(len(source.ordinals) for source in sources)
        if rows == 0:
            return None
        graph = self.new_graph(spec, rows)
        for source in sources:
            for start in range(0, len(source.ordinals), SLICE_ROWS):
                if not is_wanted():
                    raise Abandoned
                some = source.ordinals[start : start + SLICE_ROWS]
                native = source.part.native
                graph.add(native.ids(some), native.records(some), self.options.build_threads)
        try:
            self.write(number, spec, graph, PayloadOrder(sources))
        except StorageError:
            if not is_wanted():  # its sources may be gone already
                raise Abandoned from None
            raise
        return number

    def new_graph(self, spec: IndexSpec, rows: int) -> _core.GraphBuilder:
        """An empty graph with room for ``rows``."""
        options = self.options
        return _core.GraphBuilder(
            spec.dim, spec.native_metric, rows, options.links_max, options.ef_construction
        )

    def write(
        self,
        number: int,
        spec: IndexSpec,
        graph: _core.GraphBuilder,
        payloads_of: Callable[[NDArray[np.uint64]], Iterator[bytes]],
    ) -> None:
        """Finishes a graph and writes both files; ``payloads_of`` gives the payloads in a given id order."""
        graph.finish()
        self._clear(number)
        files, links_max = self.files, self.options.links_max
        graph_file, payload_file = graph_path(self.folder, number), payload_path(self.folder, number)
        try:
            write_segment(files, graph_file, self.identity, number, spec, links_max, graph)
            write_payloads(files, payload_file, self.identity, number, payloads_of(graph.ids()))
            files.sync_dir(self.folder)
        except NoSpace:
            self._clear(number)  # or each try would fill the room that the next one needs
            raise

    def _clear(self, number: int) -> None:
        """Removes what lies under this number, which nobody's manifest names."""
        for path in (graph_path(self.folder, number), payload_path(self.folder, number)):
            if self.files.exists(path):
                self.files.remove(path)


class PayloadOrder:
    """Gives payloads of several sources in the order of ids, a bounded number at a time."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources

    def __call__(self, ids: NDArray[np.uint64]) -> Iterator[bytes]:
        """The payload of each id, in order."""
        all_ids = np.concatenate([source.part.native.ids(source.ordinals) for source in self._sources])
        which = np.repeat(np.arange(len(self._sources)), [len(source.ordinals) for source in self._sources])
        ordinals = np.concatenate([source.ordinals for source in self._sources])
        by_id = np.argsort(all_ids)
        places = by_id[np.searchsorted(all_ids, ids, sorter=by_id)]
        for start in range(0, len(places), PAYLOAD_SLICE_ROWS):
            some = places[start : start + PAYLOAD_SLICE_ROWS]
            texts = [b""] * len(some)
            for number, source in enumerate(self._sources):
                mine = np.flatnonzero(which[some] == number)
                found = source.part.payloads(ordinals[some[mine]])
                for position, text in zip(mine.tolist(), found, strict=True):
                    texts[position] = text
            yield from texts
