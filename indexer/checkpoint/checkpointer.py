"""Checkpoints: swapping segments in, writing the manifest, and trimming what it makes superfluous.

One lock spans the swap and the manifest behind it. So a manifest at LSN A never names a segment with
rows of later records, and replay from A + 1 meets exactly the state that record A left.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager

import anyio
import msgspec
from anyio import to_thread

from asteroid_cloud.indexer.checkpoint.deleted_rows import pack_deleted
from asteroid_cloud.indexer.checkpoint.index_folder import IndexFolder
from asteroid_cloud.indexer.checkpoint.log_trimmer import LogTrimmer
from asteroid_cloud.indexer.checkpoint.manifest import (
    Manifest,
    SegmentEntry,
    features_of,
    listed_histories,
)
from asteroid_cloud.indexer.checkpoint.pins import DeletionPins, PinnedCheckpoint, PinnedHistory
from asteroid_cloud.indexer.checkpoint.segment_numbers import SegmentNumbers
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.indexer.state.backpressure import Backpressure
from asteroid_cloud.indexer.state.log_applier import Applier
from asteroid_cloud.indexer.state.memtable import Memtable
from asteroid_cloud.indexer.state.state import State
from asteroid_cloud.wal import Lsn

logger = logging.getLogger(__name__)


class Checkpointer:
    """Knows the newest durable checkpoint and is the only one to write another."""

    def __init__(
        self,
        folder: IndexFolder,
        trimmer: LogTrimmer,
        state: State,
        applier: Applier,
        backpressure: Backpressure,
    ) -> None:
        self.behind_since_s = time.monotonic()
        """When the state was last known to be wholly in segments."""
        self.changed = anyio.Event()
        """Set and replaced after every checkpoint."""
        self.writing = anyio.Lock()
        """Taken while a checkpoint is made: no file of the index changes its name, or goes, meanwhile."""
        self._folder = folder
        self._trimmer = trimmer
        self._state = state
        self._applier = applier
        self._backpressure = backpressure
        self._deletion_pins = DeletionPins()

    @property
    def lsn(self) -> Lsn:
        """All rows up to here are in segments that the manifest names."""
        return self._folder.lsn

    def wake_writers(self) -> None:
        """Lets writers that wait for room look again whether they have to."""
        self._backpressure.wake()

    @property
    def numbers(self) -> SegmentNumbers:
        """Gives numbers to those who build segments."""
        return self._folder.numbers

    def pin_deletions(self, lsn: Lsn, segments: Sequence[Segment]) -> AbstractContextManager[None]:
        """Remembers, for as long as the block runs, which rows of ``segments`` were deleted after ``lsn``."""
        return self._deletion_pins.pin(lsn, (segment.number for segment in segments))

    @asynccontextmanager
    async def pin_log(self, lsn: Lsn) -> AsyncIterator[None]:
        """Pins the log after ``lsn`` for as long as the block runs.

        And after that until the next checkpoint: what was committed in the block is not in a manifest yet,
        and a crash before it is would have nothing to rebuild it from.
        """
        with self._trimmer.pins.pin(lsn, lambda: self._applier.applied_lsn):
            yield
        async with self.writing:
            await self._trim()

    @asynccontextmanager
    async def pin_checkpoint(
        self, also: Callable[[], PinnedHistory] | None = None
    ) -> AsyncIterator[PinnedCheckpoint]:
        """Pins the newest checkpoint's segments, and the log behind it, for as long as the block runs.

        ``also``, called on a worker thread while nothing is trimmed or removed, says what else has to stay.
        """
        with ExitStack() as pins:
            async with self.writing:
                after, segments = self.lsn, self._folder.named
                if also is not None:
                    history = await to_thread.run_sync(also)
                    after, segments = min(after, Lsn(history.log_from - 1)), segments | history.segments
                pins.enter_context(self._folder.pins.pin(segments))
                pins.enter_context(self._trimmer.pins.pin(after))
                pinned = await self._folder.read()
            yield pinned

    async def trim_all(self) -> None:
        """Trims the log behind the checkpoint, whatever retention says; call it with ``writing`` taken.

        Raises Conflict ``purge_blocked`` while a bulk load or a backup needs the log.
        """
        await self._trimmer.trim_all(self.lsn)

    def segment_numbers(self) -> tuple[set[int], int]:
        """The segments there are, those under construction too, and the first number that may yet come."""
        below, in_flight = self.numbers.seen()
        live = (segment.number for segment in self._state.segments)
        return {*self._folder.named, *in_flight, *live}, below

    async def swap(
        self,
        old: Sequence[Memtable | Segment],
        new: Segment | None,
        generation: int,
        base: Lsn,
        lsn: Lsn | None,
    ) -> bool:
        """Puts ``new`` in the place of ``old`` and writes a checkpoint.

        ``base`` is the LSN as of which the new segment holds the old ones' living rows; deletions after it
        are carried over. ``lsn`` is that of the new checkpoint, or None to leave it where it is, except that
        it goes up to the newest segment's if writing that one's checkpoint failed. False when the index was
        deleted meanwhile, and nothing was done.
        """
        async with self.writing:
            async with self._applier.lock:
                if self._state.generation != generation:
                    return False
                await to_thread.run_sync(self._state.exchange, old, new, base)
                self._applier.publish()
                # Under the same lock: a record applied in between might bring a segment of its own.
                sealed = [segment.sealed_lsn for segment in self._state.segments]
                manifest = await self._manifest(max([self.lsn, *sealed]) if lsn is None else lsn)
            self._backpressure.wake()
            await self._write(manifest)
        return True

    async def advance(self) -> bool:
        """A checkpoint at the newest record, if no row is outside a segment; False if one is."""
        async with self.writing:
            async with self._applier.lock:
                if self._state.tail_rows:
                    return False
                self._state.drop_empty_tail()
                manifest = await self._manifest(self._state.applied_lsn)
            await self._write(manifest)
        return True

    async def remove_orphans(self) -> None:
        """Removes the files that nobody needs; call it with ``writing`` taken."""
        # In this order: what left construction while the manifest was being written is in the state by now,
        # and the next manifest will name it.
        below, in_flight = self.numbers.seen()
        needed = {*in_flight, *(segment.number for segment in self._state.segments)}
        await self._folder.remove_orphans(needed, below)

    async def run(self) -> None:
        """Trims what has become too old to be retained, for ever, though nothing is written."""
        while (interval_s := self._trimmer.interval_s) is not None:
            await anyio.sleep(interval_s)
            async with self.writing:
                await self._trim()

    async def _trim(self) -> None:
        await self._trimmer.trim(self.lsn)

    async def _write(self, manifest: Manifest) -> None:
        await self._folder.write(manifest)
        self.behind_since_s = time.monotonic()
        segments = manifest.segments
        rows = sum(entry.rows for entry in segments)
        logger.info("checkpoint at LSN %d: %d segments, %d rows", manifest.applied_lsn, len(segments), rows)
        async with self._applier.lock:
            for memtable in self._state.memtables:
                memtable.deletions.forget(self.lsn)
            for segment in self._state.segments:
                segment.deletions.forget(self._deletion_pins.earliest(self.lsn, segment.number))
        self._backpressure.wake()  # what was forgotten is room
        try:
            await self._trim()
            await self.remove_orphans()
        finally:  # whatever became of the clean-up, the checkpoint stands
            self.changed.set()
            self.changed = anyio.Event()

    async def _manifest(self, lsn: Lsn) -> Manifest:
        """The state as of ``lsn``; call it with the applier's lock held."""
        if any(segment.sealed_lsn > lsn for segment in self._state.segments):
            raise AssertionError(f"a segment holds rows of records later than {lsn}")
        entries = [
            SegmentEntry(segment.number, segment.rows, pack_deleted(segment.deletions.dead_as_of(lsn)))
            for segment in self._state.segments
        ]
        requests = await to_thread.run_sync(self._state.requests.pack, lsn)
        return Manifest(
            identity=self._folder.identity,
            number=self._folder.manifest_number + 1,
            applied_lsn=lsn,
            spec=self._state.spec,
            next_segment=self.numbers.next,
            created_lsn=self._state.created_lsn,
            segments=entries,
            applied_ms=self._folder.applied_ms if lsn == self.lsn else self._state.time_ms_of(lsn),
            histories=listed_histories(self._state.histories.up_to(lsn)),
            requests=requests,
            text=self._state.text or msgspec.UNSET,
            features=features_of(self._state.spec, self._state.segments, self._state.text),
        )
