"""Verification: every byte of a store, and whether its parts agree with each other.

A look: nothing is changed, and the store may be a copy that cannot be written to. Damage does not end the
search for more: each segment and the log are checked on their own.

Beside a server the newest checkpoint is checked. What the server replaces meanwhile may be gone before it was
read, so that a finding counts only if the checkpoint is still the same at the end, and else the check is made
again, with the checkpoint that there is then.
"""

from __future__ import annotations

import msgspec

from asteroid_cloud.indexer.backup.file_list import BackupList, check_file, is_backup, read_backup
from asteroid_cloud.indexer.check.findings import (
    ACKNOWLEDGE,
    ANOTHER_BACKUP,
    FROM_BACKUP,
    FROM_LOG,
    Finding,
    Findings,
)
from asteroid_cloud.indexer.check.log_check import (
    check_histories,
    check_log,
    check_reach,
    check_tagged_histories,
)
from asteroid_cloud.indexer.check.repeated_ids import repeated_names, repeated_numbers
from asteroid_cloud.indexer.check.segment_check import SegmentCheck
from asteroid_cloud.indexer.checkpoint.manifest import PREFIX, Manifest, manifest_name, newest_manifest
from asteroid_cloud.indexer.history.tags import read_tag, tag_names
from asteroid_cloud.indexer.loss.loss_record import missing_evidence, read_loss_record
from asteroid_cloud.indexer.model.digest import snapshot_digest
from asteroid_cloud.indexer.model.part import PartView
from asteroid_cloud.indexer.model.snapshot import Snapshot
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.indexer.segment.paths import graph_path, segment_paths
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.wal import Histories, Lsn
from asteroid_cloud.wal.disk import DEFAULT, Files, StoreLayout
from asteroid_cloud.wal.errors import LockHeld
from asteroid_cloud.wal.read import LogCheck, log_files
from asteroid_cloud.wal.store import look_beside

ATTEMPTS_MAX = 5
"""How often a store in use is read again because it has changed meanwhile."""
IDS_NAMED_MAX = 10
"""How many ids that are alive twice are named."""


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What a verification saw."""

    findings: list[Finding]
    notes: list[str]
    """What is no damage, but worth knowing: a torn tail, files that no manifest names."""
    segments: int
    vectors: int
    """Living rows of the checkpoint; what the log holds beyond it is not counted."""
    records: int
    checkpoint_lsn: int
    last_lsn: int
    digest: str
    """Of the checkpoint's rows; empty when they cannot all be read."""
    is_backup: bool = False
    """Whether the folder is a backup, each file of which was compared with its list."""
    is_in_use: bool = False
    """Whether a process had the store open for writing meanwhile."""

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


class Verification:
    """One look at a collection of the store in ``path``: ``default``, or another one by its id."""

    def __init__(self, files: Files, path: str, id_: str = DEFAULT) -> None:
        self._files = files
        self._id = id_
        self._layout = StoreLayout(path).collection(id_)
        self._folder = self._layout.index
        self._begin()

    def _begin(self) -> None:
        self._findings = Findings()
        self._histories: Histories | None = None
        """Those of the store, once they are known."""
        self._segment_check = SegmentCheck(self._files, self._folder, self._findings)

    def run(self) -> Verified:
        """Looks at everything; raises NotFound when there is no store, and as ``peek``.

        Raises LockHeld when a process has the store open that changes it faster than it can be read.
        """
        for _ in range(ATTEMPTS_MAX):
            with look_beside(self._files, self._layout.root, backups=True, id_=self._id) as is_in_use:
                before = self._names()
                found = self._look(is_in_use)
                if found.ok or not is_in_use or self._names() == before:
                    return found
            self._begin()
        raise LockHeld(
            "a process that has the store open changes it faster than it can be read: verify a backup of it, "
            "or stop the process"
        )

    def _names(self) -> list[list[str]]:
        """The names of the manifest and the tags, and where the log begins: what changes at a checkpoint."""
        files, layout = self._files, self._layout
        index = files.list(layout.index) if files.exists(layout.index) else []
        log = [path for _, path in log_files(files, layout.log)]
        manifests = sorted(name for name in index if name.startswith(PREFIX))
        return [manifests, sorted(tag_names(files, layout)), log[:1]]

    def _look(self, is_in_use: bool) -> Verified:
        listed = self._check_list()
        self._check_losses()
        manifest = self._read_manifest()  # before the log, which then reaches as far
        log = check_log(self._files, self._layout, self._findings)
        self._check_meeting(log, manifest)
        segments = self._check_segments(manifest)
        views = [_view(segment) for segment in segments]
        digest = self._check_rows(manifest, views)
        last = log.last_lsn if log else Lsn(0)
        if listed is not None and listed.lsn != last:
            problem = f"the backup is said to reach record {listed.lsn}, its log ends with {last}"
            self._findings.add(self._layout.backup_list, problem, ANOTHER_BACKUP)
        return Verified(
            is_backup=listed is not None,
            is_in_use=is_in_use,
            findings=self._findings.problems,
            # A torn write may be one under way, and an unnamed segment one that is being built.
            notes=[] if is_in_use else self._findings.notes,
            segments=len(segments),
            vectors=sum(view.live for view in views),
            records=log.records if log else 0,
            checkpoint_lsn=manifest.applied_lsn if manifest else 0,
            last_lsn=last,
            digest=digest,
        )

    def _check_list(self) -> BackupList | None:
        """Whether the files of a backup are as its list says; None for a store, and for a damaged list."""
        files, layout = self._files, self._layout
        if not is_backup(files, layout.folder):
            return None
        with self._findings.catch(layout.backup_list, ANOTHER_BACKUP):
            found = read_backup(files, layout.folder)
            for each in found.files:
                with self._findings.catch(f"{layout.folder}/{each.path}", ANOTHER_BACKUP):
                    check_file(files, layout.folder, each)
            return found
        return None

    def _check_losses(self) -> None:
        """Whether something was given up: a finding until it is acknowledged, and then a note."""
        files, layout = self._files, self._layout
        with self._findings.catch(layout.lost, ACKNOWLEDGE):
            losses = read_loss_record(files, layout)
            missing = missing_evidence(files, layout, losses)
            gone = f"; evidence that is gone: {', '.join(missing)}" if missing else ""
            if losses.is_open:
                self._findings.add(layout.lost, f"the store has lost {losses}{gone}", ACKNOWLEDGE)
            elif losses.segments or losses.records:
                self._findings.note(f"the store has lost {losses}, which is acknowledged{gone}")

    def _check_meeting(self, log: LogCheck | None, manifest: Manifest | None) -> None:
        """Whether log and checkpoint fit together."""
        check_reach(log, manifest, self._layout.log, self._findings)
        place = self._folder if manifest is None else f"{self._folder}/{manifest_name(manifest.number)}"
        self._histories = check_histories(log, manifest, place, self._findings)

    def _read_manifest(self) -> Manifest | None:
        with self._findings.catch(self._folder, FROM_LOG):
            return newest_manifest(self._files, self._folder) if self._files.exists(self._folder) else None
        return None

    def _check_segments(self, manifest: Manifest | None) -> list[Segment]:
        """The segments of the checkpoint that open; those of tags are checked too."""
        segments: list[Segment] = []
        entries = manifest.segments if manifest is not None and manifest.spec is not None else []
        for entry in entries:
            assert manifest is not None
            assert manifest.spec is not None
            with self._findings.catch(graph_path(self._folder, entry.number), FROM_LOG):
                segments.append(self._segment_check.run(manifest, entry, manifest.spec))
        named = {entry.number for entry in entries}
        self._note_orphans(named | self._check_tags(named))
        return segments

    def _check_tags(self, live: set[int]) -> set[int]:
        """The segments that tags need; each is checked unless it is a live one too."""
        found = set[int]()
        for name in tag_names(self._files, self._layout):
            with self._findings.catch(self._layout.tag(name), FROM_BACKUP):
                tag = read_tag(self._files, self._layout, name).decoded()
                check_tagged_histories(self._histories, tag, self._layout.tag(name), self._findings)
                for entry in tag.segments:
                    if tag.spec is not None and entry.number not in live | found:
                        self._segment_check.run(tag, entry, tag.spec)
                found |= {entry.number for entry in tag.segments}
        return found

    def _note_orphans(self, needed: set[int]) -> None:
        if not self._files.exists(self._folder):
            return
        paths = {path for number in needed for path in segment_paths(self._folder, number)}
        for name in sorted(self._files.list(self._folder)):
            if name.startswith("segment-") and f"{self._folder}/{name}" not in paths:
                self._findings.note(f"{name} is named by no manifest; the next start removes it")

    def _check_rows(self, manifest: Manifest | None, views: list[PartView]) -> str:
        """Whether each id is alive once; the digest of all rows, empty when some cannot be read."""
        if manifest is None or manifest.spec is None or len(views) < len(manifest.segments):
            return ""
        self._check_ids(manifest.spec, views)
        live, at = sum(view.live for view in views), Lsn(manifest.applied_lsn)
        with self._findings.catch(self._folder, FROM_LOG):
            return snapshot_digest(Snapshot(at, manifest.spec, tuple(views), live))
        return ""

    def _check_ids(self, spec: IndexSpec, views: list[PartView]) -> None:
        repeated = repeated_names(views) if spec.has_string_ids else repeated_numbers(views)
        for id_ in repeated[:IDS_NAMED_MAX]:
            problem = f"id {spec.ids.shown(id_)} is alive more than once"
            self._findings.add(self._folder, problem, FROM_LOG)


def _view(segment: Segment) -> PartView:
    deleted = segment.deletions.dead_as_of(segment.sealed_lsn)
    return PartView(segment, segment.rows, segment.live, ~deleted)
