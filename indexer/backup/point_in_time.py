"""Restore to a point in time: a store as it was at a record, a moment or a tag, in a new folder or in place.

What is made is a base and the log from there to the point; opening the store replays that log. The new log
ends with the record that begins a new history, and has a higher epoch: what is written to it must never be
mixed with what was left.
"""

from __future__ import annotations

import secrets
import time
from contextlib import suppress

import msgspec

from asteroid_cloud.indexer.backup.file_copy import link_or_copy
from asteroid_cloud.indexer.backup.file_list import check_backed_up_log, is_backup, read_backup
from asteroid_cloud.indexer.backup.restore_base import (
    Base,
    bases_of,
    choose_base,
    first_record_needed,
    lsn_of_point,
    time_of,
)
from asteroid_cloud.indexer.backup.restored_tags import take_tags
from asteroid_cloud.indexer.backup.swap_in import clear_restored, swap_in
from asteroid_cloud.indexer.checkpoint.manifest import Manifest, newest_manifest, write_manifest
from asteroid_cloud.indexer.checkpoint.open_checkpoint import open_checkpoint
from asteroid_cloud.indexer.checkpoint.retention import carry_retention
from asteroid_cloud.indexer.checkpoint.segment_numbers import first_free_number
from asteroid_cloud.indexer.history.given_out import highest_given_out, store_name
from asteroid_cloud.indexer.history.restore_point import Point
from asteroid_cloud.indexer.history.tags import UNREADABLE
from asteroid_cloud.indexer.loss.loss_record import carry_losses
from asteroid_cloud.indexer.segment.paths import segment_paths
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.disk import (
    CollectionLayout,
    Files,
    StoreLayout,
    name_of,
)
from asteroid_cloud.wal.errors import InvalidRequest
from asteroid_cloud.wal.store import enter, is_interrupted, look, new_folder, peek
from asteroid_cloud.wal.transfer import STORE_NAME_BYTES, LogSource, NewHistory, copy_log


class RestoreReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was restored."""

    lsn: int
    base: str
    base_lsn: int
    records: int
    """Those after the base, which opening the store replays."""
    time_ms: int | None
    """When record ``lsn`` was logged, in milliseconds since 1970; None when that is not known."""
    began_at: int
    """The record that begins the new history: positions between ``lsn`` and it are refused from now on."""
    seconds: float


class PointInTimeRestore:
    """Restores from one source: a store that nobody has open, or a backup with the log of its store."""

    def __init__(self, files: Files, source: str, log: str | None = None) -> None:
        """``log`` is the folder of the store whose log continues where the backup ``source`` ends.

        Raises NotFound, Conflict ``another_store``, InvalidRequest ``bad_point``, CorruptionError.
        """
        self._files = files
        self._source = StoreLayout(source).collection()
        self._is_backup = is_backup(files, source)
        self._known_until_ms: int | None = None
        """Until when it is known what was logged; None for a store, which knows all."""
        if self._is_backup:
            made_ms = read_backup(files, source).made_ms
            self._known_until_ms = made_ms if log is None else None
        elif log is not None:
            raise InvalidRequest("only a backup takes another store's log", code="bad_point")
        self._more = [] if log is None else [StoreLayout(log).collection()]
        if not is_interrupted(files, self._source):
            peek(files, source, backups=True)
            self._reread_log()

    def to_new(self, into: str, point: Point) -> RestoreReport:
        """Makes the new store ``into``; changes nothing in the source, which may be a read-only copy.

        Raises Conflict ``not_empty`` or ``another_store``, LogPruned with what can be reached, InvalidRequest
        ``bad_point``, CorruptionError for damage in what would be restored, and as ``look``: LockHeld when
        somebody has the source open, NotFound, StorageError.
        """
        with look(self._files, self._source.root, backups=True):
            check_backed_up_log(self._files, self._source.root)
            self._reread_log()
            return self._restore(StoreLayout(into).collection(), point, secrets.token_bytes(STORE_NAME_BYTES))

    def in_place(self, point: Point) -> tuple[RestoreReport, str]:
        """Takes the source itself back; the name of the folder in it that has what this replaced.

        ``undo_replacement`` brings that back. Raises as ``to_new``.
        """
        if self._is_backup:
            raise InvalidRequest("a backup stays what it is: restore it into a new folder", code="bad_point")
        with enter(self._files, self._source.root) as access:
            self._files = access.files
            self._reread_log()
            name = store_name(self._files, self._source, self._log.identity)
            done = self._restore(clear_restored(self._files, self._source), point, name)
            return done, swap_in(self._files, self._source)

    def _reread_log(self) -> None:
        """Opens the log that there is now: entering a store may have put another in place."""
        for each in self._more:
            peek(self._files, each.root, backups=True)
        self._log = LogSource(self._files, [self._source.log, *(each.log for each in self._more)])

    def _restore(self, into: CollectionLayout, point: Point, store: bytes) -> RestoreReport:
        began_s = time.monotonic()
        bases = list(bases_of(self._files, self._source, self._log, self._is_backup))
        until_ms = self._known_until_ms or time.time_ns() // 1_000_000
        lsn = lsn_of_point(self._files, self._source, self._log, point, bases, until_ms)
        base = choose_base(self._log, point, bases, lsn)
        history = self._new_history(store, base)
        with new_folder(self._files, into.folder):
            self._fill(into, base, lsn, history)
        return RestoreReport(
            lsn=lsn,
            base=base.name,
            base_lsn=base.lsn,
            records=self._log.count(base.lsn, lsn),
            time_ms=time_of(self._log, base, lsn),
            began_at=history.began_at,
            seconds=time.monotonic() - began_s,
        )

    def _new_history(self, store: bytes, base: Base) -> NewHistory:
        """The history that the restored store begins, above all that its source has ever given out."""
        known = [highest_given_out(self._files, each) for each in (self._source, *self._more)]
        return NewHistory.above(
            max(lsn for lsn, _ in known), max(epoch for _, epoch in known), store, after_ms=base.time_ms
        )

    def _fill(self, into: CollectionLayout, base: Base, lsn: Lsn, history: NewHistory) -> None:
        files = self._files
        from_lsn = first_record_needed(self._log, base, lsn)
        files.make_dirs(into.index)
        if base.manifest is not None:
            self._take_segments(base.manifest, into.index)
            # What was restored has to open: a damaged segment must not take the place of what can be mended.
            open_checkpoint(files, into.index, base.manifest, self._log.identity)
        take_tags(files, self._source, into, lsn)
        if into.folder != self._source.restored.folder:  # in place the record stays where it is
            carry_retention(files, self._source, into)
            carry_losses(files, self._source, into, lsn, has_segments=base.manifest is not None)
        copy_log(
            files,
            self._log,
            into.log,
            from_lsn=from_lsn,
            until_lsn=lsn,
            epoch=history.epoch,
            history=history,
        )
        if base.manifest is not None:  # last: without it there is no store yet, only a log
            free = self._free_number(base.manifest)
            write_manifest(files, into.index, msgspec.structs.replace(base.manifest, next_segment=free))

    def _free_number(self, base: Manifest) -> int:
        """A number that no segment of the source has had: backups tell segments apart by it."""
        numbers = [base.next_segment, first_free_number(self._files, self._source.index)]
        with suppress(*UNREADABLE):
            newest = newest_manifest(self._files, self._source.index)
            numbers += [] if newest is None else [newest.next_segment]
        return max(numbers)

    def _take_segments(self, manifest: Manifest, index: str) -> None:
        """Links the segments, as they never change, or copies them to another disk."""
        files = self._files
        for entry in manifest.segments:
            for path in segment_paths(self._source.index, entry.number):
                to = f"{index}/{name_of(path)}"
                if not files.exists(path):
                    continue  # columns may be missing; opening finds what must not be
                link_or_copy(files, path, to)
        files.sync_dir(index)
