"""Mending a store that does not open: what can be made again from what is whole, and what has to be given up.

    strict    nothing is mended, not even a torn tail is cut
    tail      a torn tail is cut; columns are made anew from payloads, an index from a log that is whole
    salvage   what is damaged and nowhere else is put aside, and said to be lost until that is acknowledged

The index comes before the log, for what a checkpoint holds need not be in the log: a segment that is given
up costs its own rows, a log that is cut costs every record behind the cut. Nothing is removed: what was
damaged stays as ``….broken``, and a whole index that was replaced as ``index.broken.N``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise

import msgspec
import numpy as np

from asteroid_cloud.indexer.check.reindex import BROKEN as BROKEN_INDEX
from asteroid_cloud.indexer.check.reindex import Reindex
from asteroid_cloud.indexer.checkpoint.manifest import Manifest, SegmentEntry, newest_manifest, write_manifest
from asteroid_cloud.indexer.checkpoint.open import open_entry, unpack_dead
from asteroid_cloud.indexer.model.deletions import listed
from asteroid_cloud.indexer.model.options import EngineOptions
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.indexer.recovery.column_rebuild import BROKEN, make_columns
from asteroid_cloud.indexer.recovery.data_loss import LostRecords, LostSegment, note
from asteroid_cloud.indexer.recovery.log_repair import LogRepair
from asteroid_cloud.indexer.segment.container import load_section, read_footer
from asteroid_cloud.indexer.segment.graph_file import MAGIC, VERSION, SegmentFooter
from asteroid_cloud.indexer.segment.segment import fields_path, graph_path, segment_paths
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.disk import Files
from asteroid_cloud.wal.errors import CorruptionError, NoSpace, NotFound, StorageError
from asteroid_cloud.wal.read import LogInspector, missing_between

logger = logging.getLogger(__name__)

REPLACED_MAX = 3
"""Replaced indexes that may lie about before another is built: a failing disk must not be filled by them."""

Damaged = list[tuple[SegmentEntry, CorruptionError]]


class StoreRepair:
    """Mends the store in ``path``, of which the caller holds the lock and nothing is open."""

    def __init__(self, files: Files, path: str, options: EngineOptions) -> None:
        self._files = files
        self._path = path
        self._folder = f"{path}/index"
        self._options = options

    def apply_repair(self, error: StorageError, progress: Callable[[int, int], None]) -> list[str]:
        """What was done about ``error``, with which the store did not open; raises it if that is nothing.

        Whatever is raised, the store is as it was but for columns, or can be mended again.
        """
        if self._options.recovery == "strict":
            raise error
        is_salvage = self._options.recovery == "salvage"
        try:
            manifest = newest_manifest(self._files, self._folder)
        except CorruptionError:
            done = self._mend_log() if is_salvage else []
            return self._told([*done, *self._rebuilt(error, progress)])
        done = []
        if manifest is not None and manifest.spec is not None:
            done = self._mend_segments(manifest, manifest.spec, error, progress)
        if is_salvage:
            done += self._mend_log()
        if not done:
            raise error
        return self._told(done)

    def _told(self, done: list[str]) -> list[str]:
        told = [self._without_path(each) for each in done]
        for each in told:
            logger.warning("%s", each)
        return told

    def _without_path(self, text: str) -> str:
        """Without the folder, which is nobody's business who asks over the network."""
        return text.replace(f"{self._path}/", "")

    def _mend_segments(
        self, manifest: Manifest, spec: IndexSpec, error: StorageError, progress: Callable[[int, int], None]
    ) -> list[str]:
        done: list[str] = []
        damaged: Damaged = []
        for entry in manifest.segments:
            problem = self._problem(manifest, entry, spec)
            if problem is not None and problem.path == fields_path(self._folder, entry.number):
                done += self._columns_anew(manifest, entry)
                problem = self._problem(manifest, entry, spec)
            if problem is not None:
                damaged.append((entry, problem))
        if not damaged:
            return done
        if self._log_reaches_back:
            return [*done, *self._rebuilt(damaged[0][1], progress)]
        if self._options.recovery != "salvage":
            raise error
        return [*done, *self._put_aside(manifest, spec, damaged)]

    def _problem(self, manifest: Manifest, entry: SegmentEntry, spec: IndexSpec) -> CorruptionError | None:
        """Why a segment does not open; raises what is no damage."""
        try:
            at = Lsn(manifest.applied_lsn)
            open_entry(self._files, self._folder, manifest.identity, at, entry, spec)
        except CorruptionError as error:
            return error
        return None

    def _columns_anew(self, manifest: Manifest, entry: SegmentEntry) -> list[str]:
        number, bytes_max = entry.number, self._options.fields_bytes_max
        try:
            make_columns(self._files, self._folder, manifest.identity, number, entry.rows, bytes_max)
        except CorruptionError as error:  # the payloads are damaged too: that counts, not the columns
            logger.debug("no columns of segment %d: %s", number, error.message)
            return []
        except NoSpace:
            path = fields_path(self._folder, number)
            self._files.rename(path, path + BROKEN)
            self._files.sync_dir(self._folder)
            return [f"the columns of segment {number} were damaged; there is no room to make new ones yet"]
        return [f"the columns of segment {number} were damaged and were made anew of its payloads"]

    @property
    def _log_reaches_back(self) -> bool:
        """Whether all records from the first on can be read; reads them all."""
        inspector = LogInspector(self._files, f"{self._path}/wal")
        try:
            states = inspector.files()
        except NotFound:
            return False
        if states[0].first_lsn != 1:
            return False
        for state in states:
            for _ in inspector.records(state, newest=state is states[-1]):
                pass
            if state.damage is not None or state.trimmed:
                return False
        return not any(missing_between(before, after) for before, after in pairwise(states))

    def _rebuilt(self, error: StorageError, progress: Callable[[int, int], None]) -> list[str]:
        """Builds the whole index anew from the log, if that holds all; raises else, with nothing changed."""
        if not self._log_reaches_back:
            raise error
        replaced = [name for name in self._files.list(self._path) if name.startswith(f"{BROKEN_INDEX}.")]
        if len(replaced) >= REPLACED_MAX:
            reason = (
                f"{error.message}; it could be built anew, but there are {len(replaced)} replaced indexes "
                f"already ({', '.join(sorted(replaced))}): look at the disk, then remove them"
            )
            raise StorageError(reason, code=error.code)
        replay = Reindex(self._files, self._path, self._options)
        try:
            report = replay.run_locked(progress)
            kept = replay.install_locked()
        except StorageError:
            with suppress(StorageError):  # what takes up room half done; the next attempt removes it as well
                replay.discard()
            raise
        return [
            f"the index was built anew from records 1 to {report.to_lsn}, for it did not open: "
            f"{error.message}; {kept} has the damaged one"
        ]

    def _put_aside(self, manifest: Manifest, spec: IndexSpec, damaged: Damaged) -> list[str]:
        """Gives segments up: that is noted, then their files are named so, then no manifest needs them."""
        done = []
        for entry, problem in damaged:
            paths = [path for path in segment_paths(self._folder, entry.number) if self._files.exists(path)]
            living = self._living(manifest, entry, spec)
            loss = LostSegment(
                segment=entry.number,
                rows=self._live_rows(entry),
                lsn=manifest.applied_lsn,
                least_id=min(living, default=None),
                greatest_id=max(living, default=None),
                reason=self._without_path(problem.message),
                kept=[path.rpartition("/")[2] + BROKEN for path in paths],
                time_ms=_now_ms(),
            )
            note(self._files, self._path, loss)
            for path in paths:
                self._files.rename(path, path + BROKEN)
            done.append(f"segment {entry.number} with {loss.rows} rows is lost: {problem.message}")
        self._files.sync_dir(self._folder)
        gone = {entry.number for entry, _ in damaged}
        left = [entry for entry in manifest.segments if entry.number not in gone]
        replaced = msgspec.structs.replace(manifest, number=manifest.number + 1, segments=left)
        write_manifest(self._files, self._folder, replaced)
        return done

    def _live_rows(self, entry: SegmentEntry) -> int:
        try:
            dead = unpack_dead(self._folder, entry.dead, entry.rows)
        except CorruptionError:
            return entry.rows
        return entry.rows - int(np.bitwise_count(dead).sum())

    def _living(self, manifest: Manifest, entry: SegmentEntry, spec: IndexSpec) -> list[int]:
        """The ids that were alive in a segment, as far as its graph file still tells them."""
        path = graph_path(self._folder, entry.number)
        if not self._files.exists(path):
            return []
        try:
            footer = read_footer(self._files, path, MAGIC, VERSION, SegmentFooter)
            if (footer.identity, footer.number, footer.spec) != (manifest.identity, entry.number, spec):
                return []
            ids = np.frombuffer(load_section(self._files, path, footer.ids), "<u8")
            dead = unpack_dead(self._folder, entry.dead, entry.rows)
        except StorageError as error:
            logger.debug("the ids of segment %d do not read: %s", entry.number, error.message)
            return []
        if len(ids) != entry.rows:
            return []
        living: list[int] = ids[listed(~dead, entry.rows)].tolist()
        return living

    def _mend_log(self) -> list[str]:
        """Leaves of a damaged log what can be replayed; raises CorruptionError when nothing can be kept."""
        repair = LogRepair(self._files, self._path)
        try:
            plan = repair.look().plan
        except NotFound:
            return []
        if not plan.is_needed:
            return []
        is_whole = plan.lost is None and plan.marker_lsn is None
        last = None if plan.lost is None else int(plan.lost.last)
        loss = LostRecords(first_lsn=plan.last_lsn + 1, last_lsn=last, kept=[], time_ms=_now_ms())
        if not is_whole:  # before the log forgets it: a crash must not make a loss unknown
            note(self._files, self._path, loss)
        kept = [path.rpartition("/")[2] for path in repair.apply_locked().kept]
        if is_whole:
            return [f"the log had damage in what the index holds; {', '.join(kept)} has what was taken away"]
        note(self._files, self._path, msgspec.structs.replace(loss, kept=kept))
        if last is None:
            return [f"the log was damaged; what came after record {plan.last_lsn}, if anything, is lost"]
        return [f"records {loss.first_lsn} to {last} are lost; the log goes on behind what is whole"]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
