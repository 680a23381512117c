"""Going back in time: a store as it was at a record, a moment or a tag, made anew or put in place.

What is made is a base (nothing, a tag, a checkpoint, a backup) and the log from there to the point; opening
it replays that. Its log has a higher epoch: what is written from there on is another history, which must
never be mixed with the one that was left.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import msgspec

from asteroid_cloud.indexer.backup.swap_in import finish, prepare, replace, take_tags
from asteroid_cloud.indexer.backup.writer import LIST_NAME, chunks_of, link_file, read_backup, write_chunks
from asteroid_cloud.indexer.checkpoint.manifest import Manifest, newest_manifest, write_manifest
from asteroid_cloud.indexer.history.purge import remove_whole
from asteroid_cloud.indexer.history.tags import UNREADABLE, first_free_number, read_tag, tag_names
from asteroid_cloud.indexer.segment.segment import segment_paths
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.disk import Files, lock_directory
from asteroid_cloud.wal.errors import Conflict, InvalidRequest, LogPruned, StorageError
from asteroid_cloud.wal.format import BulkLoaded
from asteroid_cloud.wal.transfer import LogSource, copy_log


class Point(msgspec.Struct, frozen=True):
    """Where to go; one of the three, or none for the newest state there is."""

    lsn: int | None = None
    time_ms: int | None = None
    """Milliseconds since 1970: after everything that was logged up to then."""
    tag: str | None = None


class Base(msgspec.Struct, frozen=True):
    """What a restoration begins with."""

    name: str
    lsn: Lsn
    manifest: Manifest | None = None


class RestoreReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was restored."""

    lsn: int
    base: str
    base_lsn: int
    records: int
    """Those after the base, which opening the store replays."""
    seconds: float


class PointInTimeRestore:
    """One source to go back in: a store that nobody has open, or a backup with the log of its store."""

    def __init__(self, files: Files, source: str, log: str | None = None) -> None:
        """``log`` is the folder of the store whose log goes on where the backup ``source`` ends.

        Raises NotFound, Conflict ``another_store``, CorruptionError.
        """
        self._files = files
        self._source = source
        self._is_backup = files.exists(f"{source}/{LIST_NAME}")
        if self._is_backup:
            read_backup(files, source)
        elif log is not None:
            raise InvalidRequest("only a backup takes another store's log", code="bad_point")
        folders = [f"{source}/wal"] if log is None else [f"{source}/wal", f"{log}/wal"]
        self._log = LogSource(files, folders)

    def to_new(self, into: str, point: Point) -> RestoreReport:
        """Makes the new store ``into``.

        Raises Conflict ``not_empty``, LogPruned with what can be reached, InvalidRequest ``bad_point``,
        LockHeld when somebody has the source open.
        """
        with self._locked():
            return self._make(into, point)

    def in_place(self, point: Point) -> tuple[RestoreReport, str]:
        """Takes the source itself back; the name of the folder in it that has what it was.

        ``undo`` of ``replacing`` brings that back. Raises as ``to_new``.
        """
        if self._is_backup:
            raise InvalidRequest("a backup stays what it is: restore it into a new folder", code="bad_point")
        with self._locked():
            finish(self._files, self._source)
            build = prepare(self._files, self._source)
            done = self._make(build, point)
            take_tags(self._files, self._source, build, done.lsn)
            return done, replace(self._files, self._source)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        if self._is_backup:
            yield
            return
        lock = lock_directory(self._files, self._source)
        try:
            yield
        finally:
            lock.release()

    def _make(self, into: str, point: Point) -> RestoreReport:
        began_s = time.monotonic()
        if self._files.exists(into) and self._files.list(into):
            raise Conflict(f"{into} is not empty", code="not_empty")
        bases = list(self._bases())
        lsn = self._resolved(point, bases)
        named = [base for base in bases if base.name == f"tag {point.tag}"]
        base = named[0] if named else self._chosen(bases, lsn)
        was_there = self._files.exists(into)
        try:
            self._fill(into, base, lsn)
        except BaseException:
            self._empty(into, was_there)
            raise
        return RestoreReport(
            lsn=lsn,
            base=base.name,
            base_lsn=base.lsn,
            records=lsn - base.lsn,
            seconds=time.monotonic() - began_s,
        )

    def _fill(self, into: str, base: Base, lsn: Lsn) -> None:
        from_lsn = self._log_begins(base, lsn)
        index = f"{into}/index"
        self._files.make_dirs(index)
        if base.manifest is not None:
            self._take_segments(base.manifest, index)
        copy_log(
            self._files,
            self._log,
            f"{into}/wal",
            from_lsn=from_lsn,
            until_lsn=lsn,
            epoch=self._log.epoch + 1,
        )
        if base.manifest is not None:  # last: without it there is no store yet, only a log
            free = max(base.manifest.next_segment, first_free_number(self._files, self._source))
            write_manifest(self._files, index, msgspec.structs.replace(base.manifest, next_segment=free))

    def _empty(self, into: str, was_there: bool) -> None:
        """Leaves nothing half made; if even that fails, what is left does not open."""
        with suppress(StorageError):
            for name in self._files.list(into):
                remove_whole(self._files, f"{into}/{name}")
            if not was_there:
                self._files.remove_dir(into)

    def _bases(self) -> Iterator[Base]:
        if self._log.first_lsn == 1:
            yield Base("the first record", Lsn(0))
        manifest = newest_manifest(self._files, f"{self._source}/index")
        if manifest is not None:
            yield Base(
                "the backup" if self._is_backup else "the checkpoint", Lsn(manifest.applied_lsn), manifest
            )
        for name in tag_names(self._files, self._source):
            try:
                tag = read_tag(self._files, self._source, name)
                yield Base(f"tag {name}", Lsn(tag.lsn), tag.decoded())
            except UNREADABLE:
                continue

    def _resolved(self, point: Point, bases: list[Base]) -> Lsn:
        given = [each for each in (point.lsn, point.time_ms, point.tag) if each is not None]
        if len(given) > 1:
            raise InvalidRequest("go back to an LSN, a time or a tag, not to several", code="bad_point")
        if point.tag is not None:
            return Lsn(read_tag(self._files, self._source, point.tag).lsn)
        if point.time_ms is not None:
            return self._log.newest_before(point.time_ms)
        if point.lsn is not None:
            if point.lsn < 0:
                raise InvalidRequest(f"an LSN is at least 0, not {point.lsn}", code="bad_point")
            return Lsn(point.lsn)
        newest = max(base.lsn for base in bases) if bases else Lsn(0)
        for frame in self._log.frames(self._log.first_lsn):
            newest = max(newest, frame.header.last_lsn)
        return newest

    def _chosen(self, bases: list[Base], lsn: Lsn) -> Base:
        first = self._log.first_lsn
        reaching = [base for base in bases if base.lsn == lsn or first - 1 <= base.lsn <= lsn]
        if not reaching:
            exact = ", ".join(f"{base.lsn} ({base.name})" for base in sorted(bases, key=lambda b: b.lsn))
            raise LogPruned(
                f"record {lsn} is out of reach: the log begins with {first}. "
                f"There is a way to {exact or 'nothing'}, and from these on as far as the log goes"
            )
        return max(reaching, key=lambda base: base.lsn)

    def _log_begins(self, base: Base, lsn: Lsn) -> Lsn:
        """The first record needed: the one after the base, or the first of a bulk load begun before it."""
        if base.lsn >= lsn:
            return Lsn(lsn + 1)
        needed = Lsn(base.lsn + 1)
        for record in self._log.records(needed):
            if record.lsn > lsn:
                break
            if isinstance(record.event, BulkLoaded):
                needed = min(needed, Lsn(record.event.since))
        return needed

    def _take_segments(self, manifest: Manifest, index: str) -> None:
        """Links them, as they never change, or copies them to another disk."""
        files = self._files
        for entry in manifest.segments:
            for path in segment_paths(f"{self._source}/index", entry.number):
                to = f"{index}/{path.rpartition('/')[2]}"
                if not files.exists(path):
                    continue  # columns may be missing; what must not be is found by opening
                if not link_file(files, path, to):
                    write_chunks(files, to, chunks_of(files, path, files.size(path)))
        files.sync_dir(index)
