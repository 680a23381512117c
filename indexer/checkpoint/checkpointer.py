"""Checkpoints: swapping segments in, writing the manifest, and trimming what it makes superfluous.

One lock spans the swap and the manifest behind it. So a manifest at LSN A never names a segment with
rows of later records, and replay from A + 1 meets exactly the state that record A left.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import anyio
from anyio import to_thread

from asteroid_cloud.indexer.checkpoint.manifest import (
    Manifest,
    SegmentEntry,
    manifest_name,
    write_manifest,
)
from asteroid_cloud.indexer.checkpoint.numbers import SegmentNumbers
from asteroid_cloud.indexer.checkpoint.open import Recovered, pack_dead, remove_orphans
from asteroid_cloud.indexer.history.tags import TaggedSegments
from asteroid_cloud.indexer.model.options import EngineOptions
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.indexer.state.applier import Applier
from asteroid_cloud.indexer.state.backpressure import Backpressure
from asteroid_cloud.indexer.state.memtable import Memtable
from asteroid_cloud.indexer.state.state import State
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.append import Log
from asteroid_cloud.wal.disk import Files
from asteroid_cloud.wal.errors import Conflict

TRIM_EVERY_S_MIN, TRIM_EVERY_S_MAX = 0.1, 600.0
"""How often a log that has an age to keep is looked at."""


@dataclass(frozen=True, slots=True)
class KeptLog:
    """A wish to keep the log after one record until a checkpoint at another, or for the time being."""

    after: Lsn
    until: Lsn | None = None


class Checkpointer:
    """Knows the newest durable checkpoint and is the only one to write another."""

    def __init__(
        self,
        files: Files,
        folder: str,
        log: Log,
        state: State,
        applier: Applier,
        admission: Backpressure,
        options: EngineOptions,
        recovered: Recovered,
        tagged: TaggedSegments,
        numbers_taken: int = 0,
    ) -> None:
        """``numbers_taken``: segments that recovery itself has built, beyond those of its checkpoint."""
        self.lsn = recovered.applied_lsn
        """All rows up to here are in segments that the manifest names."""
        self.behind_since_s = time.monotonic()
        """When the state was last known to be wholly in segments."""
        self.changed = anyio.Event()
        """Set and replaced after every checkpoint."""
        self._files = files
        self._folder = folder
        self._log = log
        self._state = state
        self._applier = applier
        self._admission = admission
        self._options = options
        self._identity = recovered.identity
        self._number = recovered.manifest_number
        self.numbers = SegmentNumbers(recovered.next_segment + numbers_taken)
        """Gives numbers to those who build segments."""
        self._kills_kept: dict[object, tuple[Lsn, frozenset[int]]] = {}
        self._log_kept: dict[object, KeptLog] = {}
        self._files_kept: dict[object, frozenset[int]] = {}
        self._tagged = tagged
        self._named = frozenset(segment.number for segment in recovered.segments)
        self.writing = anyio.Lock()
        """Held while a checkpoint is made: no file of the index changes its name, or goes, meanwhile."""

    @contextmanager
    def kills_kept(self, lsn: Lsn, segments: Sequence[Segment]) -> Iterator[None]:
        """Remembers, for as long as the block runs, which rows of ``segments`` died after ``lsn``."""
        holder = object()
        self._kills_kept[holder] = lsn, frozenset(segment.number for segment in segments)
        try:
            yield
        finally:
            del self._kills_kept[holder]

    @asynccontextmanager
    async def log_kept(self, lsn: Lsn) -> AsyncIterator[None]:
        """Keeps the log after ``lsn`` for as long as the block runs.

        And after that until the next checkpoint: what was committed in the block is not in a manifest yet,
        and a crash before it is would have nothing to rebuild it from.
        """
        holder = object()
        self._log_kept[holder] = KeptLog(lsn)
        try:
            yield
        finally:
            self._log_kept[holder] = KeptLog(lsn, self._applier.applied_lsn)
        async with self.writing:
            await self._trim()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[tuple[str | None, bytes, list[int]]]:
        """Keeps the newest checkpoint's segments, and the log behind it, for as long as the block runs.

        Gives the manifest's name, None when there is none yet, what it holds, and its segments' numbers.
        """
        holder = object()
        try:
            async with self.writing:
                numbers = self._files_kept[holder] = self._named
                self._log_kept[holder] = KeptLog(self.lsn)
                name, content = (manifest_name(self._number) if self._number else None), b""
                if name is not None:
                    path = f"{self._folder}/{name}"
                    content = await to_thread.run_sync(
                        lambda: self._files.read(path, 0, self._files.size(path))
                    )
            yield name, content, sorted(numbers)
        finally:
            self._files_kept.pop(holder, None)
            self._log_kept.pop(holder, None)

    async def trim_all(self) -> None:
        """Trims the log behind the checkpoint, whatever is to be retained; call it with ``writing`` held.

        Raises Conflict ``purge_blocked`` while a bulk load or a backup needs the log.
        """
        self._log_kept = self._still_kept()
        if self._log_kept:
            raise Conflict("a bulk load or a backup is under way, which needs the log", code="purge_blocked")
        await self._log.trim(Lsn(self.lsn + 1))

    def segments_there(self) -> tuple[set[int], int]:
        """The segments there are, those under construction too, and the first number that may yet come."""
        below, in_flight = self.numbers.seen()
        return {*self._named, *in_flight, *(segment.number for segment in self._state.segments)}, below

    async def swap(
        self,
        old: Sequence[Memtable | Segment],
        new: Segment | None,
        generation: int,
        base: Lsn,
        lsn: Lsn | None,
    ) -> bool:
        """Puts ``new`` in the place of ``old`` and writes a checkpoint.

        ``base`` is the LSN as of which the new segment holds the old ones' living rows; kills after it are
        carried over. ``lsn`` is that of the new checkpoint, or None to leave it where it is, except that it
        goes up to the newest segment's if writing that one's checkpoint failed. False when the index was
        thrown away meanwhile, and nothing was done.
        """
        async with self.writing:
            async with self._applier.lock:
                if self._state.generation != generation:
                    return False
                await to_thread.run_sync(self._state.exchange, old, new, base)
                self._applier.publish()
                # In the same turn: a record folded in between might put in a segment of its own.
                sealed = [segment.sealed_lsn for segment in self._state.segments]
                manifest = self._manifest(max([self.lsn, *sealed]) if lsn is None else lsn)
            self._admission.wake()
            await self._write(manifest)
        return True

    async def advance(self) -> bool:
        """A checkpoint at the newest record, if no row is outside a segment; False if one is."""
        async with self.writing:
            async with self._applier.lock:
                if self._state.tail_rows:
                    return False
                self._state.drop_empty_tail()
                manifest = self._manifest(self._state.applied_lsn)
            await self._write(manifest)
        return True

    async def _write(self, manifest: Manifest) -> None:
        lsn = Lsn(manifest.applied_lsn)
        await to_thread.run_sync(write_manifest, self._files, self._folder, manifest)
        self._number = manifest.number
        self._named = frozenset(entry.number for entry in manifest.segments)
        self.lsn = lsn
        self.behind_since_s = time.monotonic()
        async with self._applier.lock:
            for block in self._state.memtables:
                block.deletions.forget(lsn)
            for segment in self._state.segments:
                kept = [since for since, numbers in self._kills_kept.values() if segment.number in numbers]
                segment.deletions.forget(min([lsn, *kept]))
        self._admission.wake()  # what was forgotten is room
        try:
            await self._trim()
            await self.remove_orphans()
        finally:  # whatever became of the clean-up, the checkpoint stands
            self.changed.set()
            self.changed = anyio.Event()

    async def remove_orphans(self) -> None:
        """Removes the files that nobody needs; call it with ``writing`` held."""
        below, in_flight = self.numbers.seen()
        keep = set(self._named | in_flight)
        # In this order: what left construction while the manifest was being written is in the state by now,
        # and the next manifest will name it.
        keep |= {segment.number for segment in self._state.segments}
        keep = keep.union(*self._files_kept.values())
        await to_thread.run_sync(
            remove_orphans,
            self._files,
            self._folder,
            manifest_name(self._number),
            keep,
            self._tagged.without,
            below,
        )

    async def _trim(self) -> None:
        self._log_kept = self._still_kept()
        if not self._options.keep_log:
            kept = [kept.after for kept in self._log_kept.values()]
            await self._log.trim(Lsn(min([self.lsn, *kept]) + 1), self._options.log_retention)

    def _still_kept(self) -> dict[object, KeptLog]:
        """The wishes that later checkpoints have not fulfilled."""
        kept = self._log_kept.items()
        return {holder: each for holder, each in kept if each.until is None or each.until > self.lsn}

    async def run(self) -> None:
        """Gives up what has become too old to be retained, for ever, though nothing is written."""
        age_ms_max = self._options.log_retention.age_ms_max
        while age_ms_max is not None:
            await anyio.sleep(min(TRIM_EVERY_S_MAX, max(TRIM_EVERY_S_MIN, age_ms_max / 4000)))
            async with self.writing:
                await self._trim()

    def _manifest(self, lsn: Lsn) -> Manifest:
        if any(segment.sealed_lsn > lsn for segment in self._state.segments):
            raise AssertionError(f"a segment holds rows of records later than {lsn}")
        return Manifest(
            identity=self._identity,
            number=self._number + 1,
            applied_lsn=lsn,
            spec=self._state.spec,
            next_segment=self.numbers.next,
            created_lsn=self._state.created_lsn,
            segments=[
                SegmentEntry(
                    segment.number,
                    segment.rows,
                    pack_dead(segment.deletions.dead_as_of(lsn)),
                )
                for segment in self._state.segments
            ],
        )
