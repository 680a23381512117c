"""Segments from rows: sealing memtables, merging segments. Plain functions for a worker thread.

Each returns the number of a segment whose files are complete and synced, or None when no row was alive. Until
a manifest names these files nothing refers to them, and the next start removes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from asteroid_cloud.indexer.build.construction import Construction, Work
from asteroid_cloud.indexer.build.linker import Linker, graphs_to_keep, joins_of, steps_of
from asteroid_cloud.indexer.build.names import names_of, numbered
from asteroid_cloud.indexer.build.payload_order import PayloadOrder, RowKeys
from asteroid_cloud.indexer.build.source import Abandoned, IsWanted, Source, check_of, rows_of, split
from asteroid_cloud.indexer.memory.budget import MemoryBudget
from asteroid_cloud.indexer.memory.build_sizes import BuildSizes
from asteroid_cloud.indexer.memory.share import Share
from asteroid_cloud.indexer.model.options import EngineOptions
from asteroid_cloud.indexer.model.snapshot import SEARCHES
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.indexer.native import core
from asteroid_cloud.indexer.segment.column_file import write_fields
from asteroid_cloud.indexer.segment.graph_file import write_segment
from asteroid_cloud.indexer.segment.paths import (
    fields_path,
    graph_path,
    payload_path,
    segment_paths,
    text_path,
)
from asteroid_cloud.indexer.segment.payload_file import PayloadFile, write_payloads
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.indexer.segment.text_file import write_text
from asteroid_cloud.indexer.texts.definition import TextDefinition
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.disk import Files, translated
from asteroid_cloud.wal.errors import CorruptionError, NoSpace, StorageError

PayloadsOf = Callable[[RowKeys], Iterator[bytes]]
"""Gives the payloads of some rows by their keys, in their order."""
INSERTED_ROWS_MAX = 4096
"""Rows up to which a graph is grown row by row; more are linked all at once, which takes half the time."""


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
        self.text_of: Callable[[], TextDefinition | None] = lambda: None
        """Which fields are indexed as text now."""

    @property
    def threads(self) -> int:
        """Threads for a step that begins now: one while somebody searches."""
        return 1 if SEARCHES.is_recent else self.options.build_threads

    def seal(
        self, number: int, spec: IndexSpec, sources: Sequence[Source], is_wanted: IsWanted
    ) -> int | None:
        """Makes the rows of memtables, and of segments that go with them, segment ``number``.

        Raises Abandoned once ``is_wanted()`` is false, and NoSpace or StorageError from the disk.
        """
        rows = rows_of(sources)
        if rows == 0:
            return None
        progress = core.Progress(is_wanted)
        is_large = rows > self.sizes.memtable_rows_max(spec)

        def work_within(share: Share) -> Work:
            return Work("seal", rows, self.sizes.build_bytes(spec, rows, share), steps_of(sources), progress)

        with (
            self.translated_failures(is_wanted),
            self.construction.sealing(work_within, is_large=is_large) as (work, share),
        ):
            self._build(number, spec, sources, work, share, is_wanted)
        return number

    def merge(
        self, number: int, spec: IndexSpec, sources: Sequence[Source], is_wanted: IsWanted
    ) -> int | None:
        """Makes the rows of several segments segment ``number``; raises as ``seal`` does.

        It uses the share of the memory budget for building: call it in a turn of ``construction``.
        """
        rows, share = rows_of(sources), self.budget.building
        if rows == 0:
            return None
        progress = core.Progress(is_wanted)
        work = Work("merge", rows, self.sizes.build_bytes(spec, rows, share), steps_of(sources), progress)
        with self.translated_failures(is_wanted), self.construction.listed(work, share):
            self._build(number, spec, sources, work, share, is_wanted)
        return number

    def _build(
        self,
        number: int,
        spec: IndexSpec,
        sources: Sequence[Source],
        work: Work,
        share: Share,
        is_wanted: IsWanted,
    ) -> None:
        """Links the rows and writes the segment.

        The graphs of segments are kept and joined, the smaller ones to the largest, and other rows are joined
        to them, if that is less work than a new graph and the old ones are in good order. Rows without a
        graph are linked as many at a time as the share of the memory budget allows.
        """
        linked, bare = split(sources)
        sources = numbered(spec, [*linked, *bare])
        linked, bare, rows = sources[: len(linked)], sources[len(linked) :], rows_of(linked)
        graph, kept = self.new_graph(spec, rows, share), graphs_to_keep(linked)
        for source in kept:
            self._take_over(graph, source, work.progress)
        rows_max = self.sizes.link_rows_max(spec, rows, share)
        linker = Linker(graph, rows_max, lambda: self.threads, work.progress)
        others = [source for source in linked if not any(source is each for each in kept)]
        for keys, encoded in (piece for source in others for piece in source.slices(is_wanted)):
            linker.append(keys, encoded)
        if 0 < rows <= min(INSERTED_ROWS_MAX, rows_max) and not kept:
            graph.link_by_insertion(self.options.ef_construction, self.threads, work.progress)
        else:
            linker.finish()
        payloads = PayloadOrder(sources, share.bytes_max // 4)
        names = names_of(spec, sources)
        bare_keys = [source.keys() for source in bare]
        joins = joins_of(kept)
        self.write(number, spec, graph, payloads, work.progress, is_wanted, joins, names, bare_keys)

    def _take_over(self, graph: core.GraphBuilder, source: Source, progress: core.Progress) -> None:
        """Goes on with the graph of a segment, joined to what the builder has."""
        first, part = graph.rows, source.part
        if isinstance(part, Segment):
            graph.adopt(part.native, source.ordinals, self.threads, progress)
            graph.rename(first, source.keys())
            graph.join(first, self.threads, progress)

    @contextmanager
    def translated_failures(self, is_wanted: IsWanted) -> Iterator[None]:
        """Gives failures of native work the names that the rest of the engine uses."""
        try:
            with translated("build a segment in", self.folder):
                yield
        except core.Cancelled:
            raise Abandoned from None
        except core.DamagedSegment as damage:
            raise CorruptionError(self.folder, 0, str(damage)) from damage
        except StorageError:
            if not is_wanted():  # the sources may be gone already
                raise Abandoned from None
            raise

    @contextmanager
    def queued(self, work: Work, is_wanted: IsWanted) -> Iterator[None]:
        """Waits until no other graph over many rows is built: the budget has room for one of them."""
        with self.construction.queued(work, check_of(is_wanted)):
            yield

    def new_graph(self, spec: IndexSpec, rows: int, share: Share) -> core.GraphBuilder:
        """Room for ``rows``: in RAM, or when that is too much in a nameless file beside the segments."""
        in_file = self.sizes.needs_scratch_file(spec, rows, share)
        folder = self.files.real_path(self.folder) if in_file else ""
        links_max = self.options.links_max
        return core.GraphBuilder(
            spec.dim, spec.native_metric, spec.has_fine, rows, links_max, folder, spec.outliers
        )

    def write(
        self,
        number: int,
        spec: IndexSpec,
        graph: core.GraphBuilder,
        payloads_of: PayloadsOf,
        progress: core.Progress,
        is_wanted: IsWanted,
        joins: int = 0,
        names: core.NameList | None = None,
        bare_keys: Sequence[RowKeys] = (),
    ) -> None:
        """Finishes a graph and writes all files of the segment; raises Abandoned.

        ``names`` are the strings that its keys stand for, where ids are strings. ``bare_keys`` are those of
        the rows without a vector, which are not in the graph.
        """
        if graph.rows:
            graph.finish(self.threads, progress)
        keys = np.concatenate([graph.ids(), *bare_keys])
        self._clear(number)
        check_wanted = check_of(is_wanted)
        files, identity, rows = self.files, self.identity, len(keys)
        payload_file = payload_path(self.folder, number)
        fields_file, bytes_max = fields_path(self.folder, number), self.budget.columns.bytes_max
        try:
            graph_file = graph_path(self.folder, number)
            write_segment(files, graph_file, identity, number, spec, joins, graph, keys, names, check_wanted)
            texts = payloads_of(keys)
            write_payloads(files, payload_file, identity, number, texts, check_wanted)
            payloads = PayloadFile(files, payload_file, identity, number, rows, check_wanted)
            write_fields(files, fields_file, identity, number, rows, payloads, bytes_max, check_wanted)
            if (text := self.text_of()) is not None:
                text_file = text_path(self.folder, number)
                write_text(files, text_file, identity, number, rows, payloads, text, bytes_max, check_wanted)
            files.sync_dir(self.folder)
        except (NoSpace, Abandoned):
            self._clear(number)  # nobody would finish it, and each new try would need more room
            raise

    def opened(self, number: int, spec: IndexSpec, sealed_lsn: Lsn, is_wanted: IsWanted) -> Segment:
        """A segment that has been written, every byte of it checked; raises Abandoned."""
        check_wanted = check_of(is_wanted)
        files, folder, identity = self.files, self.folder, self.identity
        try:
            segment = Segment(files, folder, identity, number, spec, sealed_lsn, check_wanted=check_wanted)
            if (text := self.text_of()) is not None:
                segment.open_text(files, folder, identity, text, check_wanted)
        except Abandoned:
            self._clear(number)
            raise
        return segment

    def _clear(self, number: int) -> None:
        """Removes files of this number, which no manifest names."""
        for path in segment_paths(self.folder, number):
            if self.files.exists(path):
                self.files.remove(path)
