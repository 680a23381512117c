"""Building a second index from a log: every record is applied again, and every graph is built again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import msgspec

from asteroid_cloud.indexer.build.builder import SegmentBuilder
from asteroid_cloud.indexer.build.bulk_builder import BulkBuilder
from asteroid_cloud.indexer.build.source import Source
from asteroid_cloud.indexer.checkpoint.deleted_rows import pack_deleted
from asteroid_cloud.indexer.checkpoint.manifest import (
    Manifest,
    SegmentEntry,
    features_of,
    listed_histories,
    write_manifest,
)
from asteroid_cloud.indexer.checkpoint.open_checkpoint import Recovered
from asteroid_cloud.indexer.model.deletions import listed
from asteroid_cloud.indexer.model.digest import snapshot_digest
from asteroid_cloud.indexer.segment.paths import SCRATCH_NUMBERS, segment_paths
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.indexer.state.apply_record import apply_record
from asteroid_cloud.indexer.state.state import State
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.disk import remove_if_exists
from asteroid_cloud.wal.errors import LogPruned
from asteroid_cloud.wal.format import BulkLoaded
from asteroid_cloud.wal.read import ReadableLog

Progress = Callable[[int, int], None]
"""Called with records done and records in all."""


class IndexBuild:
    """One index in the making, in the folder of ``builder``."""

    def __init__(
        self, log: ReadableLog, live: Recovered | None, builder: SegmentBuilder, first_number: int
    ) -> None:
        """``live`` is the live checkpoint, if it opens; ``first_number`` is that of the first segment."""
        self._log = log
        self._live = live
        self._builder = builder
        self._numbers = count(first_number)
        self._state = _state_for(log, builder, self._numbers)
        builder.text_of = lambda: self._state.text

    def run(self, progress: Progress) -> State:
        """Builds the index, ends it with a manifest, and gives what it holds.

        Raises LogPruned when the log begins later than record 1 and the checkpoint does not open.
        """
        if self._log.first_lsn > 1:
            self._take_checkpoint()
        self._apply_log(progress)
        self._write_manifest()
        return self._state

    def _take_checkpoint(self) -> None:
        """Begins with the rows of the live checkpoint, for the log does not reach back beyond it."""
        state, live, builder = self._state, self._live, self._builder
        if live is None:
            raise LogPruned(
                f"the live index is damaged and the log begins with record {self._log.first_lsn}: "
                "what came before cannot be rebuilt"
            )
        state.spec, state.created_lsn, state.text = live.spec, live.created_lsn, live.text
        state.moves_on(live.applied_lsn, live.applied_ms)
        state.histories = live.histories
        state.requests.load(live.requests)
        for old in live.segments:
            assert state.spec is not None
            rows = listed(~old.deletions.dead_as_of(live.applied_lsn), old.rows)
            number = next(self._numbers)
            if builder.merge(number, state.spec, [Source(old, rows)], lambda: True) is not None:
                state.segments.append(self._opened(number))

    def _apply_log(self, progress: Progress) -> None:
        state, log = self._state, self._log
        start = state.applied_lsn
        total = log.count(start, log.durable_lsn)
        for done, record in enumerate(log.read(Lsn(start + 1)) if total > 0 else (), 1):
            apply_record(state, record)
            while len(state.memtables) > 1:
                self._seal()
            progress(done, total)
        while state.tail_rows:
            self._seal()
        state.drop_empty_tail()
        log.forget(start)

    def _seal(self) -> None:
        state = self._state
        frozen = state.freeze_oldest()
        assert frozen is not None
        assert state.spec is not None
        memtables, number = frozen[0], next(self._numbers)
        sources = [
            Source(memtable, listed(~memtable.deletions.dead_as_of(state.applied_lsn), memtable.rows))
            for memtable in memtables
        ]
        built = self._builder.seal(number, state.spec, sources, lambda: True)
        segment = None if built is None else self._opened(number)
        state.exchange(memtables, segment, state.applied_lsn)

    def _opened(self, number: int) -> Segment:
        state, builder = self._state, self._builder
        assert state.spec is not None
        return Segment(builder.files, builder.folder, builder.identity, number, state.spec, state.applied_lsn)

    def _write_manifest(self) -> None:
        state, live, at = self._state, self._live, self._state.applied_lsn
        entries = [
            SegmentEntry(segment.number, segment.rows, pack_deleted(segment.deletions.dead_as_of(at)))
            for segment in state.segments
        ]
        manifest = Manifest(
            identity=self._log.identity,
            number=(live.manifest_number if live else 0) + 1,
            applied_lsn=at,
            spec=state.spec,
            next_segment=next(self._numbers),
            created_lsn=state.created_lsn,
            segments=entries,
            applied_ms=state.applied_ms,
            histories=listed_histories(state.histories),
            requests=state.requests.pack(at),
            text=state.text or msgspec.UNSET,
            features=features_of(state.spec, state.segments, state.text),
        )
        write_manifest(self._builder.files, self._builder.folder, manifest)


def digest_with_tail(live: Recovered, log: ReadableLog, builder: SegmentBuilder) -> str:
    """The digest of a checkpoint once the rest of the log is applied to it, as the next start would.

    Bulk loads that the checkpoint lacks are built in the folder of ``builder``, and removed from it again.
    """
    numbers = count(SCRATCH_NUMBERS)
    try:
        return _digest_with_tail(live, log, _state_for(log, builder, numbers))
    finally:
        for number in range(SCRATCH_NUMBERS, next(numbers)):
            for path in segment_paths(builder.folder, number):
                remove_if_exists(builder.files, path)


def _digest_with_tail(live: Recovered, log: ReadableLog, state: State) -> str:
    state.spec, state.created_lsn = live.spec, live.created_lsn
    state.moves_on(live.applied_lsn, live.applied_ms)
    state.histories = live.histories
    state.segments = list(live.segments)
    if log.durable_lsn > live.applied_lsn:
        for record in log.read(Lsn(live.applied_lsn + 1)):
            apply_record(state, record)
    return snapshot_digest(state.snapshot())


def _state_for(log: ReadableLog, builder: SegmentBuilder, numbers: Iterator[int]) -> State:
    """An empty state, whose bulk loads are built from their records in the log."""

    def build_bulk_load(event: BulkLoaded) -> list[Segment]:
        assert state.spec is not None
        bulk = BulkBuilder(builder, log, lambda: next(numbers), lambda: True)
        return bulk.build(state.spec, event, builder.options.build_threads, Lsn(event.since))

    state = State(builder.options, builder.budget, build_bulk_load)
    return state
