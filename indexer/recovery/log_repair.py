"""Repairing a store's log: what its checkpoint holds decides how little of the log has to go."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, replace

import msgspec

from asteroid_cloud.indexer.checkpoint.manifest import Manifest, newest_manifest
from asteroid_cloud.indexer.checkpoint.open_checkpoint import open_checkpoint
from asteroid_cloud.indexer.history.given_out import replaced_by
from asteroid_cloud.indexer.history.tags import UNREADABLE
from asteroid_cloud.indexer.loss.loss_record import record_loss
from asteroid_cloud.indexer.model.data_loss import LostRecords
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.disk import CollectionLayout, Files, StoreLayout, name_of
from asteroid_cloud.wal.errors import CorruptionError, NotFound, StorageError
from asteroid_cloud.wal.read import highest_lsn
from asteroid_cloud.wal.repair import RepairPlan, apply_repair, plan_repair, salvage_scan
from asteroid_cloud.wal.store import enter, peek

LOOKS_MAX = 10
"""How often a store that a server changes meanwhile is read again."""


class RepairReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a repair would do, or did."""

    plan: RepairPlan
    index_error: str | None
    """Why the checkpoint does not count, if so: the log alone is what is left of the store then."""
    is_applied: bool
    kept: list[str]
    """Copies of what was removed."""


@dataclass(frozen=True, slots=True)
class LogRepair:
    """The repair of the log of the store in ``path``."""

    files: Files
    path: str

    def look(self) -> RepairReport:
        """What is wrong and what can be done; changes nothing and needs no lock.

        Raises as ``peek``, NotFound without a log, UnsupportedVersion, CorruptionError when nothing can be
        kept.
        """
        peek(self.files, self.path)
        for _ in range(LOOKS_MAX - 1):
            before = self._names()
            try:
                _, plan, error = self._plan()
            except StorageError:
                if self._names() == before:
                    raise
                continue
            if self._names() == before:
                break
        else:  # a server that makes checkpoints faster than they are read
            _, plan, error = self._plan()
        return RepairReport(plan=plan, index_error=error, is_applied=False, kept=[])

    def apply(self) -> RepairReport:
        """Repairs the log, if it needs that; a second time does nothing.

        Raises as ``look``, and LockHeld when somebody has the store open, NoSpace, StorageError.
        """
        with enter(self.files, self.path) as access:
            return replace(self, files=access.files).apply_locked()

    def apply_locked(self) -> RepairReport:
        """The same for one who holds the lock already."""
        identity, plan, error = self._plan()
        if not plan.is_needed:
            return RepairReport(plan=plan, index_error=error, is_applied=False, kept=[])
        loss = _loss_of(plan)
        if loss is not None:  # before the records go: a crash in between must not make a loss unknown
            record_loss(self.files, self._layout, loss)
        store = self._store_name(plan)
        kept = apply_repair(self.files, self._layout.log, identity, plan, store)
        if loss is not None:
            evidence = [name_of(path) for path in kept]
            record_loss(self.files, self._layout, msgspec.structs.replace(loss, kept=evidence))
        return RepairReport(plan=plan, index_error=error, is_applied=True, kept=kept)

    @property
    def _layout(self) -> CollectionLayout:
        return StoreLayout(self.path).collection()

    def _names(self) -> list[list[str]]:
        """The names in index and log: a checkpoint or a trim in the middle of a look changes them."""
        folders = (self._layout.index, self._layout.log)
        return [sorted(self.files.list(folder)) for folder in folders if self.files.exists(folder)]

    def _plan(self) -> tuple[bytes, RepairPlan, str | None]:
        manifest, error = self._checkpoint()
        identity, scanned = salvage_scan(
            self.files, self._layout.log, manifest.identity if manifest else None
        )
        try:
            at = Lsn(manifest.applied_lsn if manifest and error is None else 0)
            elsewhere = [state.log for state in replaced_by(self.files, self._layout)]
            plan = plan_repair(scanned, at, highest_lsn(self.files, elsewhere))
        except CorruptionError as wrong:
            if error is None:
                raise
            raise CorruptionError(wrong.path, wrong.offset, f"{wrong.reason} ({error})") from wrong
        return identity, plan, error

    def _store_name(self, plan: RepairPlan) -> bytes:
        """The store's name by its checkpoint; empty when that does not say."""
        if plan.began_at is None or not self.files.exists(self._layout.index):
            return b""
        with suppress(*UNREADABLE):
            manifest = newest_manifest(self.files, self._layout.index)
            return b"" if manifest is None else manifest.branches().store(b"")
        return b""

    def _checkpoint(self) -> tuple[Manifest | None, str | None]:
        """The newest manifest, and why the index does not open, if it does not."""
        folder, manifest = self._layout.index, None
        if not self.files.exists(folder):
            return None, None
        try:
            manifest = newest_manifest(self.files, folder)
            open_checkpoint(self.files, folder, manifest, manifest.identity if manifest else bytes(16))
        except CorruptionError as error:
            return manifest, error.message
        return manifest, None


def _loss_of(plan: RepairPlan) -> LostRecords | None:
    """What a repair gives up; None when it is known that no record goes."""
    if plan.lost is None and not plan.may_lack_more:
        return None
    last = None if plan.lost is None else int(plan.lost.last)
    now_ms = time.time_ns() // 1_000_000
    return LostRecords(first_lsn=plan.last_lsn + 1, last_lsn=last, kept=[], time_ms=now_ms)


def salvage_log(files: Files, layout: CollectionLayout) -> list[str]:
    """Leaves of a damaged log what can be replayed, and records what is lost; a sentence if it did anything.

    The caller holds the lock. Raises CorruptionError when nothing can be kept.
    """
    try:
        done = LogRepair(files, layout.folder).apply_locked()
    except NotFound:
        return []
    if not done.is_applied:
        return []
    loss = _loss_of(done.plan)
    if loss is None:
        evidence = ", ".join(name_of(path) for path in done.kept) or "no file"
        return [f"the log was damaged in what the index holds; {evidence} has what was removed"]
    if loss.last_lsn is None:
        return [f"the log was damaged; what came after record {done.plan.last_lsn}, if anything, is lost"]
    return [f"records {loss.first_lsn} to {loss.last_lsn} are lost; the log continues behind what is whole"]
