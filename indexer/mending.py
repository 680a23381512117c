"""Mending a store that does not open: what can be made again from what is whole, and what has to be given up.

    strict    nothing is mended, not even a torn tail is cut
    tail      a torn tail is cut; columns are made anew from payloads, an index from a log that is whole
    salvage   what is damaged and nowhere else is put aside, and said to be lost for as long as anyone cares

Nothing is removed: what was damaged stays as ``….broken``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress

import msgspec
import numpy as np

from asteroid_cloud.indexer.fields_file import write_fields
from asteroid_cloud.indexer.log_repair import LogRepair
from asteroid_cloud.indexer.losses import LostRecords, LostSegment, note
from asteroid_cloud.indexer.manifest import Manifest, SegmentEntry, newest_manifest, write_manifest
from asteroid_cloud.indexer.payload_file import PayloadFile
from asteroid_cloud.indexer.recovery import unpack_dead
from asteroid_cloud.indexer.replay import Replay
from asteroid_cloud.indexer.segment import Segment, fields_path, graph_path, payload_path, segment_paths
from asteroid_cloud.indexer.spec import EngineOptions
from asteroid_cloud.wal.errors import CorruptionError, NotFound, StorageError
from asteroid_cloud.wal.files import Files
from asteroid_cloud.wal.inspect import LogInspector
from asteroid_cloud.wal.types import Lsn

logger = logging.getLogger(__name__)

BROKEN = ".broken"


class StoreMender:
    """Mends the store in ``path``, of which the caller holds the lock and nothing is open."""

    def __init__(self, files: Files, path: str, options: EngineOptions) -> None:
        self._files = files
        self._path = path
        self._folder = f"{path}/index"
        self._options = options

    def mend(self, error: StorageError, progress: Callable[[int, int], None]) -> list[str]:
        """What was done about ``error``, with which the store did not open; raises it if that is nothing."""
        if self._options.recovery == "strict":
            raise error
        done = self._mend_log() if self._options.recovery == "salvage" else []
        done += self._mend_index(error, progress)
        if not done:
            raise error
        for each in done:
            logger.warning("%s", each)
        return done

    def _mend_log(self) -> list[str]:
        report = LogRepair(self._files, self._path).apply_locked()
        lost = report.plan.lost
        if not report.is_applied:
            return []
        if lost is None:
            return [f"the log was mended; {', '.join(_names(report.kept))} have what was taken away"]
        note(
            self._files,
            self._path,
            LostRecords(
                first_lsn=lost.first,
                last_lsn=lost.last,
                kept=_names(report.kept),
                time_ms=_now_ms(),
            ),
        )
        return [f"records {lost.first} to {lost.last} are lost; the log goes on behind what is whole"]

    def _mend_index(self, error: StorageError, progress: Callable[[int, int], None]) -> list[str]:
        try:
            manifest = newest_manifest(self._files, self._folder)
        except CorruptionError:
            return self._rebuilt(error, progress)
        if manifest is None:
            return []
        done, damaged = [], []
        for entry in manifest.segments:
            problem = self._problem(manifest, entry)
            if problem is not None and self._is_of_fields(problem, entry):
                done.append(self._fields_anew(manifest, entry))
                problem = self._problem(manifest, entry)
            if problem is not None:
                damaged.append((entry, problem))
        if not damaged:
            return done
        if self._log_is_whole:
            return [*done, *self._rebuilt(error, progress)]
        if self._options.recovery != "salvage":
            raise error
        return [*done, *self._put_aside(manifest, damaged)]

    @property
    def _log_is_whole(self) -> bool:
        with suppress(NotFound):
            return LogInspector(self._files, f"{self._path}/wal").files()[0].first_lsn == 1
        return False

    def _problem(self, manifest: Manifest, entry: SegmentEntry) -> StorageError | None:
        """Why a segment does not open; raises what is no damage."""
        if manifest.spec is None:
            return None
        try:
            dead = unpack_dead(self._folder, entry.dead, entry.rows)
            at = Lsn(manifest.applied_lsn)
            segment = Segment(
                self._files, self._folder, manifest.identity, entry.number, manifest.spec, at, dead
            )
        except CorruptionError as error:
            return error
        except StorageError as error:
            needed = graph_path(self._folder, entry.number), payload_path(self._folder, entry.number)
            if all(map(self._files.exists, needed)):
                raise
            return error
        if segment.rows == entry.rows:
            return None
        reason = f"it has {segment.rows} rows, its manifest says {entry.rows}"
        return CorruptionError(graph_path(self._folder, entry.number), 0, reason)

    def _is_of_fields(self, problem: StorageError, entry: SegmentEntry) -> bool:
        fields = fields_path(self._folder, entry.number)
        return isinstance(problem, CorruptionError) and problem.path == fields

    def _fields_anew(self, manifest: Manifest, entry: SegmentEntry) -> str:
        """Makes a segment's columns of its payloads; if those are damaged too, that is seen next."""
        path = fields_path(self._folder, entry.number)
        kept = self._aside(path)
        self._files.sync_dir(self._folder)
        with suppress(CorruptionError):
            payloads = PayloadFile(
                self._files,
                payload_path(self._folder, entry.number),
                manifest.identity,
                entry.number,
                entry.rows,
            )
            bytes_max = self._options.fields_bytes_max
            write_fields(self._files, path, manifest.identity, entry.number, entry.rows, payloads, bytes_max)
            self._files.sync_dir(self._folder)
        return f"the columns of segment {entry.number} were made anew; {kept} has the damaged ones"

    def _rebuilt(self, error: StorageError, progress: Callable[[int, int], None]) -> list[str]:
        """Builds the whole index anew from the log, if that begins with the first record; raises else."""
        if not self._log_is_whole:
            raise error
        replay = Replay(self._files, self._path, self._options)
        report = replay.run_locked(progress)
        kept = replay.install_locked()
        return [
            f"the index was built anew from records 1 to {report.to_lsn}, for it did not open: "
            f"{error.message}; {kept} has the damaged one"
        ]

    def _put_aside(self, manifest: Manifest, damaged: list[tuple[SegmentEntry, StorageError]]) -> list[str]:
        """Gives segments up: that is noted, then their files are named so, then no manifest needs them."""
        for entry, problem in damaged:
            paths = [path for path in segment_paths(self._folder, entry.number) if self._files.exists(path)]
            note(
                self._files,
                self._path,
                LostSegment(
                    segment=entry.number,
                    rows=self._living(entry),
                    lsn=manifest.applied_lsn,
                    reason=problem.message,
                    kept=[name + BROKEN for name in _names(paths)],
                    time_ms=_now_ms(),
                ),
            )
            for path in paths:
                self._aside(path)
        self._files.sync_dir(self._folder)
        gone = {entry.number for entry, _ in damaged}
        left = [entry for entry in manifest.segments if entry.number not in gone]
        write_manifest(
            self._files,
            self._folder,
            msgspec.structs.replace(manifest, number=manifest.number + 1, segments=left),
        )
        return [
            f"segment {entry.number} with {self._living(entry)} rows is lost: {problem.message}"
            for entry, problem in damaged
        ]

    def _living(self, entry: SegmentEntry) -> int:
        try:
            dead = unpack_dead(self._folder, entry.dead, entry.rows)
        except CorruptionError:
            return entry.rows
        return entry.rows - int(np.bitwise_count(dead).sum())

    def _aside(self, path: str) -> str:
        """Gives a file a name that nobody reads; that name."""
        self._files.rename(path, path + BROKEN)
        return _names([path])[0] + BROKEN


def _names(paths: list[str]) -> list[str]:
    return [path.rpartition("/")[2] for path in paths]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
