"""Repair of a store's log: what its checkpoint holds decides how little of the log has to go."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from asteroid_cloud.indexer.checkpoint.manifest import Manifest, newest_manifest
from asteroid_cloud.indexer.checkpoint.open import open_checkpoint
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.disk import Files, lock_directory
from asteroid_cloud.wal.errors import CorruptionError, StorageError
from asteroid_cloud.wal.repair import RepairPlan, apply_repair, plan_repair, salvage_scan

INDEX = "index"
LOOKS_MAX = 10
"""How often a store is looked at again that changes under the eyes."""


class RepairReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a repair would do, or did."""

    plan: RepairPlan
    index_error: str | None
    """Why the checkpoint does not count, if so: the log alone is what is left of the store then."""
    is_applied: bool
    kept: list[str]
    """Copies of what was taken away."""


@dataclass(frozen=True, slots=True)
class LogRepair:
    """The repair of the log of the store in ``path``."""

    files: Files
    path: str

    def look(self) -> RepairReport:
        """What is wrong and what can be done; changes nothing and needs no lock.

        Raises NotFound without a log, UnsupportedVersion, CorruptionError when nothing can be kept.
        """
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
        lock = lock_directory(self.files, self.path)
        try:
            return self.apply_locked()
        finally:
            lock.release()

    def apply_locked(self) -> RepairReport:
        """The same for one who holds the lock already."""
        identity, plan, error = self._plan()
        kept = apply_repair(self.files, f"{self.path}/wal", identity, plan) if plan.is_needed else []
        return RepairReport(plan=plan, index_error=error, is_applied=plan.is_needed, kept=kept)

    def _names(self) -> list[list[str]]:
        """The names of index and log: a server that swaps or trims in the middle of a look changes them."""
        folders = (f"{self.path}/{INDEX}", f"{self.path}/wal")
        return [sorted(self.files.list(folder)) for folder in folders if self.files.exists(folder)]

    def _plan(self) -> tuple[bytes, RepairPlan, str | None]:
        folder = f"{self.path}/wal"
        manifest, error = self._checkpoint()
        identity, surveyed = salvage_scan(self.files, folder, manifest.identity if manifest else None)
        try:
            plan = plan_repair(surveyed, Lsn(manifest.applied_lsn if manifest and error is None else 0))
        except CorruptionError as wrong:
            if error is None:
                raise
            raise CorruptionError(wrong.path, wrong.offset, f"{wrong.reason} ({error})") from wrong
        return identity, plan, error

    def _checkpoint(self) -> tuple[Manifest | None, str | None]:
        """The newest manifest, and why the index does not open, if it does not."""
        folder, manifest = f"{self.path}/{INDEX}", None
        if not self.files.exists(folder):
            return None, None
        try:
            manifest = newest_manifest(self.files, folder)
            open_checkpoint(self.files, folder, manifest, manifest.identity if manifest else bytes(16))
        except CorruptionError as error:
            return manifest, error.message
        return manifest, None
