"""Replay: a second index, built from the log beside the live one, and the comparison of the two.

Works on a store that nobody has open. It changes nothing but its own folder, ``index.rebuilt``, until
``install`` puts that in the place of ``index``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

import anyio
import msgspec

from asteroid_cloud.indexer.build.builder import SegmentBuilder
from asteroid_cloud.indexer.build.bulk_builder import BulkBuilder
from asteroid_cloud.indexer.build.source import Source
from asteroid_cloud.indexer.checkpoint.deleted_rows import pack_deleted
from asteroid_cloud.indexer.checkpoint.manifest import Manifest, SegmentEntry, newest_manifest, write_manifest
from asteroid_cloud.indexer.checkpoint.numbers import first_free_number
from asteroid_cloud.indexer.checkpoint.open import Recovered, open_checkpoint
from asteroid_cloud.indexer.history.tagged_segments import link_tagged_segments
from asteroid_cloud.indexer.memory.budget import MemoryBudget
from asteroid_cloud.indexer.model.deletions import listed
from asteroid_cloud.indexer.model.digest import snapshot_digest
from asteroid_cloud.indexer.model.options import EngineOptions
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.indexer.state.apply import apply_record
from asteroid_cloud.indexer.state.state import State
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.append import LocalLog
from asteroid_cloud.wal.disk import (
    CollectionLayout,
    Files,
    StoreLayout,
    broken_indexes,
    lock_directory,
    name_of,
)
from asteroid_cloud.wal.errors import CorruptionError, LogPruned
from asteroid_cloud.wal.format import BulkLoaded

T = TypeVar("T")

Progress = Callable[[int, int], None]
"""Called with records done and records in all."""


class ReindexReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay found; ``live_digest`` is None when the live index does not open."""

    from_lsn: int
    """The first record replayed; the rows of those before it, if any, come from the checkpoint."""
    to_lsn: int
    vectors: int
    segments: int
    digest: str
    live_digest: str | None
    live_error: str | None

    @property
    def agrees(self) -> bool:
        """Whether the live index holds what the log says."""
        return self.live_digest == self.digest


@dataclass(frozen=True, slots=True)
class Reindex:
    """A replay of the store in ``path``."""

    files: Files
    path: str
    options: EngineOptions

    def run(self, progress: Progress) -> ReindexReport:
        """Rebuilds the index under ``index.rebuilt`` and compares digests.

        Raises LockHeld when a server has the store open, and CorruptionError when neither the log reaches
        back to the first record nor the checkpoint opens.
        """
        lock = lock_directory(self.files, self._layout.root)
        try:
            return self.run_locked(progress)
        finally:
            lock.release()

    def run_locked(self, progress: Progress) -> ReindexReport:
        """The same for one who holds the lock already."""
        log = _in_own_loop(self._open_log)
        try:
            live, live_error = self._open_live(log)
            state = self._rebuild(log, live, progress)
            live_digest = None if live is None else self._digest_of(live, log)
            return ReindexReport(
                from_lsn=log.first_lsn,
                to_lsn=log.durable_lsn,
                vectors=state.live,
                segments=len(state.segments),
                digest=snapshot_digest(state.snapshot()),
                live_digest=live_digest,
                live_error=live_error,
            )
        finally:
            _in_own_loop(log.close)

    def install(self) -> str | None:
        """Puts the rebuilt index in the live one's place; the name that the old one, if any, has now."""
        lock = lock_directory(self.files, self._layout.root)
        try:
            return self.install_locked()
        finally:
            lock.release()

    def install_locked(self) -> str | None:
        """The same for one who holds the lock already."""
        files, layout, replaced = self.files, self._layout, None
        if files.exists(layout.index):
            taken = broken_indexes(files.list(layout.folder))
            replaced = layout.broken_index(next(n for n in _numbers_from(1) if n not in taken))
            link_tagged_segments(files, layout, layout.rebuilt_index)
            files.rename(layout.index, replaced)
        files.rename(layout.rebuilt_index, layout.index)
        files.sync_dir(layout.folder)
        return None if replaced is None else name_of(replaced)

    def live_digest(self) -> str:
        """The digest of the live index with the tail of the log folded in.

        Raises LockHeld, and CorruptionError when there is no index or it does not open.
        """
        lock = lock_directory(self.files, self._layout.root)
        try:
            log = _in_own_loop(self._open_log)
            try:
                live, error = self._open_live(log)
                if live is None:
                    raise CorruptionError(self._layout.index, 0, error or "it does not open")
                return self._digest_of(live, log)
            finally:
                _in_own_loop(log.close)
        finally:
            lock.release()

    @property
    def _layout(self) -> CollectionLayout:
        return StoreLayout(self.path).collection()

    def discard(self) -> None:
        """Removes the rebuilt index."""
        folder = self._layout.rebuilt_index
        if self.files.exists(folder):
            for name in self.files.list(folder):
                self.files.remove(f"{folder}/{name}")

    async def _open_log(self) -> LocalLog:
        return await LocalLog.open(self.files, self._layout.log)

    def _open_live(self, log: LocalLog) -> tuple[Recovered | None, str | None]:
        folder = self._layout.index
        if not self.files.exists(folder):
            return None, "it is missing"
        try:
            manifest = newest_manifest(self.files, folder)
            return open_checkpoint(self.files, folder, manifest, log.identity), None
        except CorruptionError as error:
            return None, error.message

    def _rebuild(self, log: LocalLog, live: Recovered | None, progress: Progress) -> State:
        self.discard()
        folder = self._layout.rebuilt_index
        self.files.make_dirs(folder)
        free = first_free_number(self.files, self._layout.index)
        numbers = _numbers_from(max(live.next_segment, free) if live else free)
        builder = self._builder(folder, log)
        state = self._state(log, builder, numbers)
        if log.first_lsn > 1:
            self._take_checkpoint(state, live, log, builder, numbers)
        self._fold(state, log, builder, numbers, progress)
        self._write_manifest(folder, state, log, live, next(numbers))
        return state

    def _builder(self, folder: str, log: LocalLog) -> SegmentBuilder:
        budget = MemoryBudget(self.options.memory_budget_bytes)
        return SegmentBuilder(self.files, folder, log.identity, self.options, budget)

    def _state(self, log: LocalLog, builder: SegmentBuilder, numbers: Iterator[int]) -> State:
        def load_bulk(event: BulkLoaded) -> list[Segment]:
            assert state.spec is not None
            bulk = BulkBuilder(builder, log, lambda: next(numbers), lambda: True)
            return bulk.build(state.spec, event, self.options.build_threads, Lsn(event.since))

        state = State(self.options, builder.budget, load_bulk)
        return state

    def _take_checkpoint(
        self,
        state: State,
        live: Recovered | None,
        log: LocalLog,
        builder: SegmentBuilder,
        numbers: Iterator[int],
    ) -> None:
        """Begins with the rows of the live checkpoint, for the log does not reach behind it."""
        if live is None:
            raise LogPruned(
                f"the live index is damaged and the log begins with record {log.first_lsn}: "
                "what came before cannot be rebuilt"
            )
        state.spec, state.created_lsn = live.spec, live.created_lsn
        state.applied_lsn = live.applied_lsn
        for old in live.segments:
            rows = listed(~old.deletions.dead_as_of(live.applied_lsn), old.rows)
            self._add_segment(state, builder, next(numbers), [Source(old, rows)])

    def _add_segment(self, state: State, builder: SegmentBuilder, number: int, sources: list[Source]) -> None:
        assert state.spec is not None
        if builder.merge(number, state.spec, sources, lambda: True) is not None:
            state.segments.append(self._open(state, builder, number))

    def _open(self, state: State, builder: SegmentBuilder, number: int) -> Segment:
        assert state.spec is not None
        return Segment(self.files, builder.folder, builder.identity, number, state.spec, state.applied_lsn)

    def _fold(
        self,
        state: State,
        log: LocalLog,
        builder: SegmentBuilder,
        numbers: Iterator[int],
        progress: Progress,
    ) -> None:
        start, total = state.applied_lsn, log.durable_lsn - state.applied_lsn
        for record in log.read(Lsn(start + 1)) if total else ():
            apply_record(state, record)
            while len(state.memtables) > 1:
                self._seal(state, builder, next(numbers))
            progress(record.lsn - start, total)
        while state.tail_rows:
            self._seal(state, builder, next(numbers))
        state.drop_empty_tail()
        log.forget(start)

    def _seal(self, state: State, builder: SegmentBuilder, number: int) -> None:
        frozen = state.freeze_oldest()
        assert frozen is not None
        assert state.spec is not None
        block, _ = frozen
        rows = listed(~block.deletions.dead_as_of(state.applied_lsn), block.rows)
        built = builder.seal(number, state.spec, Source(block, rows), lambda: True)
        segment = None if built is None else self._open(state, builder, number)
        state.exchange([block], segment, state.applied_lsn)

    def _write_manifest(
        self, folder: str, state: State, log: LocalLog, live: Recovered | None, next_segment: int
    ) -> None:
        entries = [
            SegmentEntry(
                segment.number, segment.rows, pack_deleted(segment.deletions.dead_as_of(state.applied_lsn))
            )
            for segment in state.segments
        ]
        manifest = Manifest(
            identity=log.identity,
            number=(live.manifest_number if live else 0) + 1,
            applied_lsn=state.applied_lsn,
            spec=state.spec,
            next_segment=next_segment,
            created_lsn=state.created_lsn,
            segments=entries,
        )
        write_manifest(self.files, folder, manifest)

    def _digest_of(self, live: Recovered, log: LocalLog) -> str:
        """What the live index holds once the tail of the log is folded in, as its next start would."""
        builder = self._builder(self._layout.rebuilt_index, log)
        state = self._state(log, builder, _numbers_from(2**40))
        state.spec, state.created_lsn = live.spec, live.created_lsn
        state.applied_lsn = live.applied_lsn
        state.segments = list(live.segments)
        if log.durable_lsn > live.applied_lsn:
            for record in log.read(Lsn(live.applied_lsn + 1)):
                apply_record(state, record)
        return snapshot_digest(state.snapshot())


def _in_own_loop(function: Callable[[], Awaitable[T]]) -> T:
    """Runs it in a thread of its own: the caller's may have a loop that is at work."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(anyio.run, function).result()


def _numbers_from(first: int) -> Iterator[int]:
    return count(first)
