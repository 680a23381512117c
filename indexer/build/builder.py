"""Segments from rows: sealing a memtable, merging segments. Plain functions for a worker thread.

Each returns the number of a segment whose files are complete and synced, or None when no row was alive. Until
a manifest names these files nothing refers to them, and the next start removes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from asteroid_cloud.indexer.build.construction import Construction, Work
from asteroid_cloud.indexer.build.linker import LINK_STEPS, Linker, graph_to_keep
from asteroid_cloud.indexer.build.payload_order import PayloadOrder
from asteroid_cloud.indexer.build.source import Abandoned, Source
from asteroid_cloud.indexer.memory.budget import MemoryBudget
from asteroid_cloud.indexer.memory.build_sizes import BuildSizes
from asteroid_cloud.indexer.model.ids import Keys
from asteroid_cloud.indexer.model.options import EngineOptions
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.indexer.native import core
from asteroid_cloud.indexer.segment.column_file import write_fields
from asteroid_cloud.indexer.segment.graph_file import write_segment
from asteroid_cloud.indexer.segment.paths import fields_path, graph_path, payload_path, segment_paths
from asteroid_cloud.indexer.segment.payload_file import PayloadFile, write_payloads
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.wal.disk import Files, translated
from asteroid_cloud.wal.errors import NoSpace, StorageError

PayloadsOf = Callable[[Keys], Iterator[bytes]]
"""Gives the payloads of some ids, in their order."""


class SegmentBuilder:
    """Writes the segments of one store."""

    def __init__(
        self, files: Files, folder: str, identity: bytes, options: EngineOptions, budget: MemoryBudget
    ) -> None:
        self.files = files
        self.folder = folder
        self.identity = identity
        self.options = options
        self.budget = budget
        self.sizes = BuildSizes(budget, options.links_max)
        self.construction = Construction(budget)

    def seal(self, number: int, spec: IndexSpec, source: Source, is_wanted: Callable[[], bool]) -> int | None:
        """Makes the rows of a memtable segment ``number``, with a graph grown row by row.

        Raises Abandoned once ``is_wanted()`` is false, and NoSpace or StorageError from the disk.
        """
        if len(source.ordinals) == 0:
            return None
        options, rows = self.options, len(source.ordinals)
        progress = core.Progress(is_wanted)
        work = Work("seal", rows, self.sizes.seal_bytes(spec, rows), rows, progress)
        with self.translated_failures(is_wanted), self.construction.listed(work):
            graph = self.new_graph(spec, rows)
            for ids, encoded in source.slices(is_wanted):
                graph.append(ids, encoded)
            graph.link_by_insertion(options.ef_construction, options.build_threads, progress)
            payloads = PayloadOrder(spec.ids, [source], self.budget.sealing.bytes_max // 4)
            self.write(number, spec, graph, payloads, progress)
        return number

    def merge(
        self, number: int, spec: IndexSpec, sources: Sequence[Source], is_wanted: Callable[[], bool]
    ) -> int | None:
        """Makes the rows of several segments segment ``number``; raises as ``seal`` does.

        The graph of the largest is kept, and the rows of the others are joined to it, if that is less work
        than a new graph and the old one is in good order. Rows are linked as many at a time as the memory
        budget allows.
        """
        rows = sum(len(source.ordinals) for source in sources)
        if rows == 0:
            return None
        base, threads = graph_to_keep(sources), self.options.build_threads
        steps = LINK_STEPS * rows if base is None else (LINK_STEPS + 1) * (rows - len(base.ordinals))
        progress = core.Progress(is_wanted)
        work = Work("merge", rows, self.sizes.build_bytes(spec, rows), steps, progress)
        with self.translated_failures(is_wanted), self.queued(work, is_wanted):
            graph = self.new_graph(spec, rows)
            joins = 0
            if base is not None and isinstance(base.part, Segment):
                graph.adopt(base.part.native, base.ordinals, threads, progress)
                joins = base.part.joins + 1
            linker = Linker(graph, self.sizes.link_rows_max(spec, rows), threads, progress)
            for source in sources:
                if source is base:
                    continue
                for ids, encoded in source.slices(is_wanted):
                    linker.append(ids, encoded)
            linker.finish()
            payloads = PayloadOrder(spec.ids, sources, self.budget.building.bytes_max // 4)
            self.write(number, spec, graph, payloads, progress, joins)
        return number

    @contextmanager
    def translated_failures(self, is_wanted: Callable[[], bool]) -> Iterator[None]:
        """Gives failures of native work the names that the rest of the engine uses."""
        try:
            with translated("build a segment in", self.folder):
                yield
        except core.Cancelled:
            raise Abandoned from None
        except StorageError:
            if not is_wanted():  # the sources may be gone already
                raise Abandoned from None
            raise

    @contextmanager
    def queued(self, work: Work, is_wanted: Callable[[], bool]) -> Iterator[None]:
        """Waits until no other graph over many rows is built: the budget has room for one of them."""

        def check_wanted() -> None:
            if not is_wanted():
                raise Abandoned

        with self.construction.queued(work, check_wanted):
            yield

    def new_graph(self, spec: IndexSpec, rows: int) -> core.GraphBuilder:
        """Room for ``rows``: in RAM, or when that is too much in a nameless file beside the segments."""
        folder = self.files.real_path(self.folder) if self.sizes.needs_scratch_file(spec, rows) else ""
        links_max = self.options.links_max
        return core.GraphBuilder(spec.dim, spec.native_metric, spec.has_fine, rows, links_max, folder)

    def write(
        self,
        number: int,
        spec: IndexSpec,
        graph: core.GraphBuilder,
        payloads_of: PayloadsOf,
        progress: core.Progress,
        joins: int = 0,
    ) -> None:
        """Finishes a graph and writes all files of the segment."""
        graph.finish(self.options.build_threads, progress)
        self._clear(number)
        files, identity, rows = self.files, self.identity, graph.rows
        payload_file = payload_path(self.folder, number)
        fields_file, bytes_max = fields_path(self.folder, number), self.budget.columns.bytes_max
        try:
            write_segment(files, graph_path(self.folder, number), identity, number, spec, joins, graph)
            write_payloads(files, payload_file, identity, number, payloads_of(graph.ids()))
            payloads = PayloadFile(files, payload_file, identity, number, rows)
            write_fields(files, fields_file, identity, number, rows, payloads, bytes_max)
            files.sync_dir(self.folder)
        except NoSpace:
            self._clear(number)  # or each try would fill the room that the next one needs
            raise

    def _clear(self, number: int) -> None:
        """Removes files of this number, which no manifest names."""
        for path in segment_paths(self.folder, number):
            if self.files.exists(path):
                self.files.remove(path)
