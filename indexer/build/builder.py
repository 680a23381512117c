"""Graphs from rows: sealing a block, merging segments. Plain functions for a worker thread.

Each gives back the number of a segment whose two files are complete and synced, or None when no row
was alive. Until a manifest names them the files are nobody's, and the next start removes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer.build.budget import Construction, Work
from asteroid_cloud.indexer.model.options import EngineOptions
from asteroid_cloud.indexer.model.part import Part
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.indexer.native import core
from asteroid_cloud.indexer.segment.column_file import write_fields
from asteroid_cloud.indexer.segment.graph_file import write_segment
from asteroid_cloud.indexer.segment.payload_file import PayloadFile, write_payloads
from asteroid_cloud.indexer.segment.segment import (
    Segment,
    fields_path,
    graph_path,
    payload_path,
    segment_paths,
)
from asteroid_cloud.wal.disk import Files, translated
from asteroid_cloud.wal.errors import NoSpace, StorageError

SLICE_ROWS = 4096
JOINS_MAX = 5
"""Merges that a graph may grow by before one is built anew."""
DEAD_SHARE_OF_JOINED_MAX = 0.2
"""Share of dead rows up to which a graph is kept, and its gaps bridged."""
LINK_STEPS = 7
"""What linking a row at once with others counts as in the native core's progress; joining it counts 1."""
PAYLOAD_TEXT_BYTES = 48
"""What a payload held takes beside its text."""


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
    construction: Construction = field(default_factory=Construction)

    def seal(self, number: int, spec: IndexSpec, source: Source, is_wanted: Callable[[], bool]) -> int | None:
        """Makes the rows of a block segment ``number``, with a graph grown row by row.

        Raises Abandoned once ``is_wanted()`` is false, and NoSpace or StorageError from the disk.
        """
        if len(source.ordinals) == 0:
            return None
        options, rows = self.options, len(source.ordinals)
        progress = core.Progress(is_wanted)
        work = Work("seal", rows, options.seal_bytes(spec, rows), rows, progress)
        with self.building(is_wanted), self.construction.noted(work):
            draft = self.new_draft(spec, rows)
            for ids, encoded in _slices_of(source, is_wanted):
                draft.append(ids, encoded)
            draft.link_by_insertion(options.ef_construction, options.build_threads, progress)
            self.write(number, spec, draft, PayloadOrder([source], options.seal_bytes_max // 4), progress)
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
        base = worth_keeping(sources)
        steps = LINK_STEPS * rows if base is None else (LINK_STEPS + 1) * (rows - len(base.ordinals))
        progress = core.Progress(is_wanted)
        work = Work("merge", rows, self.options.graph_bytes(spec, rows), steps, progress)
        with self.building(is_wanted), self.in_turn(work, is_wanted):
            draft = self.new_draft(spec, rows)
            joins = 0
            if base is not None and isinstance(base.part, Segment):
                draft.adopt(base.part.native, base.ordinals, self.options.build_threads, progress)
                joins = base.part.joins + 1
            rows_max = self.options.graph_rows_max(spec, rows)
            linker = Linker(draft, rows_max, self.options.build_threads, progress)
            for source in sources:
                if source is base:
                    continue
                for ids, encoded in _slices_of(source, is_wanted):
                    linker.append(ids, encoded)
            linker.finish()
            payloads = PayloadOrder(sources, self.options.graph_bytes_max // 4)
            self.write(number, spec, draft, payloads, progress, joins)
        return number

    @contextmanager
    def building(self, is_wanted: Callable[[], bool]) -> Iterator[None]:
        """Names the failures of native work as the rest of the engine does."""
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
    def in_turn(self, work: Work, is_wanted: Callable[[], bool]) -> Iterator[None]:
        """Waits for the turn to build a graph over many rows: the budget has room for one of them."""

        def check_wanted() -> None:
            if not is_wanted():
                raise Abandoned

        with self.construction.in_turn(work, check_wanted):
            yield

    def new_draft(self, spec: IndexSpec, rows: int) -> core.GraphBuilder:
        """Room for ``rows``: in RAM, or when that is too much in a nameless file beside the segments."""
        options = self.options
        folder = self.files.real_path(self.folder) if options.draft_folder_needed(spec, rows) else ""
        return core.GraphBuilder(spec.dim, spec.native_metric, spec.has_fine, rows, options.links_max, folder)

    def write(
        self,
        number: int,
        spec: IndexSpec,
        draft: core.GraphBuilder,
        payloads_of: Callable[[NDArray[np.uint64]], Iterator[bytes]],
        progress: core.Progress,
        joins: int = 0,
    ) -> None:
        """Finishes a draft and writes both files; ``payloads_of`` gives the payloads in a given id order."""
        draft.finish(self.options.build_threads, progress)
        self._clear(number)
        files = self.files
        graph_file, payload_file = graph_path(self.folder, number), payload_path(self.folder, number)
        fields_file, bytes_max = fields_path(self.folder, number), self.options.fields_bytes_max
        try:
            write_segment(files, graph_file, self.identity, number, spec, joins, draft)
            write_payloads(files, payload_file, self.identity, number, payloads_of(draft.ids()))
            payloads = PayloadFile(files, payload_file, self.identity, number, draft.rows)
            write_fields(files, fields_file, self.identity, number, draft.rows, payloads, bytes_max)
            files.sync_dir(self.folder)
        except NoSpace:
            self._clear(number)  # or each try would fill the room that the next one needs
            raise

    def _clear(self, number: int) -> None:
        """Removes what lies under this number, which nobody's manifest names."""
        for path in segment_paths(self.folder, number):
            if self.files.exists(path):
                self.files.remove(path)


class Linker:
    """Appends rows to a draft and links them, a bounded number at a time, to the graph that is there."""

    def __init__(
        self, draft: core.GraphBuilder, rows_max: int, threads: int, progress: core.Progress
    ) -> None:
        self._draft = draft
        self._rows_max = rows_max
        self._threads = threads
        self._progress = progress
        self._linked = draft.rows

    def append(self, ids: NDArray[np.uint64], encoded: NDArray[np.uint8]) -> None:
        """Adds quantised rows."""
        while len(ids):
            room = self._rows_max - (self._draft.rows - self._linked)
            self._draft.append(ids[:room], encoded[:room])
            ids, encoded = ids[room:], encoded[room:]
            if self._draft.rows - self._linked == self._rows_max:
                self.finish()

    def finish(self) -> None:
        """Links what is not linked yet."""
        if self._linked == self._draft.rows:
            return
        self._draft.link_all(self._linked, self._threads, self._progress)
        self._draft.join(self._linked, self._threads, self._progress)
        self._linked = self._draft.rows


def worth_keeping(sources: Sequence[Source]) -> Source | None:
    """The source whose graph a merge should go on with; None when a new graph is better.

    It must hold most of the rows, have lost few, and not have been joined to too often: a graph that was
    patched again and again is worse than a new one (Lucene's merges lost recall that way).
    """
    largest = max(sources, key=lambda source: len(source.ordinals))
    if not isinstance(largest.part, Segment) or largest.part.joins >= JOINS_MAX:
        return None
    kept, rows = len(largest.ordinals), largest.part.rows
    if rows - kept > DEAD_SHARE_OF_JOINED_MAX * rows:
        return None
    others = sum(len(source.ordinals) for source in sources) - kept
    return largest if others <= kept else None


def _slices_of(
    source: Source, is_wanted: Callable[[], bool]
) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.uint8]]]:
    native = source.part.native
    for start in range(0, len(source.ordinals), SLICE_ROWS):
        if not is_wanted():
            raise Abandoned
        some = source.ordinals[start : start + SLICE_ROWS]
        yield native.ids(some), native.encoded(some)


def payload_windows(sizes: NDArray[np.int64], bytes_max: int) -> Iterator[slice]:
    """Cuts rows whose payloads have these sizes into runs that take no more; one row may, alone."""
    ends = np.cumsum(sizes + PAYLOAD_TEXT_BYTES)
    first = 0
    while first < len(sizes):
        before = int(ends[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(ends, before + bytes_max, "right")))
        yield slice(first, last)
        first = last


class PayloadOrder:
    """Gives payloads of several sources in the order of ids, a bounded number of bytes at a time."""

    def __init__(self, sources: Sequence[Source], bytes_max: int) -> None:
        self._sources = sources
        self._bytes_max = bytes_max

    def __call__(self, ids: NDArray[np.uint64]) -> Iterator[bytes]:
        """The payload of each id, in order."""
        which, ordinals = self._places(ids)
        sizes = np.zeros(len(ids), np.int64)
        for number, source in enumerate(self._sources):
            mine = np.flatnonzero(which == number)
            sizes[mine] = source.part.payload_sizes(ordinals[mine])
        for window in payload_windows(sizes, self._bytes_max):
            yield from self._texts(which[window], ordinals[window])

    def _places(self, ids: NDArray[np.uint64]) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
        """The source of each id, and its row there."""
        all_ids = np.concatenate([source.part.native.ids(source.ordinals) for source in self._sources])
        by_id = np.argsort(all_ids).astype(np.uint32)
        places = by_id[np.searchsorted(all_ids, ids, sorter=by_id)]
        numbers = np.arange(len(self._sources), dtype=np.uint32)
        which = np.repeat(numbers, [len(source.ordinals) for source in self._sources])
        ordinals = np.concatenate([source.ordinals for source in self._sources])
        return which[places], ordinals[places]

    def _texts(self, which: NDArray[np.uint32], ordinals: NDArray[np.uint32]) -> list[bytes]:
        texts = [b""] * len(which)
        for number, source in enumerate(self._sources):
            mine = np.flatnonzero(which == number)
            found = source.part.payloads(ordinals[mine])
            for position, text in zip(mine.tolist(), found, strict=True):
                texts[position] = text
        return texts
