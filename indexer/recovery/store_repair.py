"""Repairing a store that does not open: what can be rebuilt from whole data, and what has to be given up.

    strict    nothing is repaired, not even a torn tail is cut
    tail      a torn tail is cut; columns are rebuilt from payloads, an index from a log that is whole
    salvage   damaged data that is nowhere else is given up, and reported as lost until acknowledged

The index comes before the log, for what a checkpoint holds need not be in the log: a segment that is given
up costs its own rows, a log that is cut costs every record behind the cut. Nothing is removed: damaged files
stay as ``….broken``, and a whole index that was replaced as ``index.broken.N``.
"""

from __future__ import annotations

import logging

from asteroid_cloud.indexer.checkpoint.manifest import Manifest, SegmentEntry, newest_manifest
from asteroid_cloud.indexer.checkpoint.open_checkpoint import open_entry
from asteroid_cloud.indexer.memory.budget import MemoryBudget
from asteroid_cloud.indexer.model.options import EngineOptions
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.indexer.recovery.column_rebuild import rebuild_columns
from asteroid_cloud.indexer.recovery.index_rebuild import holds_everything, rebuild_index
from asteroid_cloud.indexer.recovery.log_repair import salvage_log
from asteroid_cloud.indexer.recovery.lost_segments import give_up_segments
from asteroid_cloud.indexer.reindex.index_build import Progress
from asteroid_cloud.indexer.segment.paths import fields_path
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.disk import CollectionLayout, Files, broken_name
from asteroid_cloud.wal.errors import CorruptionError, NoSpace, StorageError

logger = logging.getLogger(__name__)


class StoreRepair:
    """Repairs a store of which the caller holds the lock, and nothing is open."""

    def __init__(self, files: Files, layout: CollectionLayout, options: EngineOptions) -> None:
        self._files = files
        self._layout = layout
        self._options = options

    def apply(self, error: StorageError, progress: Progress) -> list[str]:
        """Repairs what made the store fail to open with ``error``: a sentence about each step.

        Raises ``error`` when nothing can be done. Whatever is raised, the store is as it was but for columns,
        or can be repaired again.
        """
        if self._options.recovery == "strict":
            raise error
        done = self._repair(error, progress)
        if not done:
            raise error
        # Without the folder: who asks over the network need not know where the store lies.
        done = [each.replace(f"{self._layout.folder}/", "") for each in done]
        for each in done:
            logger.warning("%s", each)
        return done

    def _repair(self, error: StorageError, progress: Progress) -> list[str]:
        files, layout, is_salvage = self._files, self._layout, self._options.recovery == "salvage"
        try:
            manifest = newest_manifest(files, layout.index)
        except CorruptionError:
            done = salvage_log(files, layout) if is_salvage else []
            return done + rebuild_index(files, layout, self._options, error, progress)
        done = []
        if manifest is not None and manifest.spec is not None:
            done = self._repair_segments(manifest, manifest.spec, error, progress)
        if is_salvage:
            done += salvage_log(files, layout)
        return done

    def _repair_segments(
        self, manifest: Manifest, spec: IndexSpec, error: StorageError, progress: Progress
    ) -> list[str]:
        done: list[str] = []
        damaged: list[tuple[SegmentEntry, CorruptionError]] = []
        for entry in manifest.segments:
            problem = self._damage_of(manifest, entry, spec)
            if problem is not None and problem.path == fields_path(self._layout.index, entry.number):
                done += self._repair_columns(manifest, entry)
                problem = self._damage_of(manifest, entry, spec)
            if problem is not None:
                damaged.append((entry, problem))
        if not damaged:
            return done
        files, layout = self._files, self._layout
        if holds_everything(files, layout, up_to=manifest.applied_lsn):
            return done + rebuild_index(files, layout, self._options, damaged[0][1], progress)
        if self._options.recovery != "salvage":
            raise error
        return done + give_up_segments(files, layout, manifest, damaged)

    def _damage_of(self, manifest: Manifest, entry: SegmentEntry, spec: IndexSpec) -> CorruptionError | None:
        """Why a segment does not open; raises what is no damage."""
        try:
            at = Lsn(manifest.applied_lsn)
            open_entry(self._files, self._layout.index, manifest.identity, at, entry, spec)
        except CorruptionError as error:
            return error
        return None

    def _repair_columns(self, manifest: Manifest, entry: SegmentEntry) -> list[str]:
        number, folder = entry.number, self._layout.index
        bytes_max = MemoryBudget(self._options.memory_budget_bytes).columns.bytes_max
        try:
            rebuild_columns(self._files, folder, manifest.identity, number, entry.rows, bytes_max)
        except CorruptionError as error:  # the payloads are damaged too: that counts, not the columns
            logger.debug("the columns of segment %d were not rebuilt: %s", number, error.message)
            return []
        except NoSpace:
            path = fields_path(folder, number)
            self._files.rename(path, broken_name(path))
            self._files.sync_dir(folder)
            return [f"the columns of segment {number} were damaged; there is no room to rebuild them yet"]
        return [f"the columns of segment {number} were damaged and were rebuilt from its payloads"]
