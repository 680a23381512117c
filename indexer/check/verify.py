"""Verification: every byte of a store that nobody has open, and whether its parts agree with each other.

Nothing is changed. Damage does not end the search for more: each segment and the log are looked at alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

import msgspec
import numpy as np

from asteroid_cloud.indexer.checkpoint.deleted_rows import unpack_deleted
from asteroid_cloud.indexer.checkpoint.manifest import Manifest, SegmentEntry, newest_manifest
from asteroid_cloud.indexer.history.tags import read_tag, tag_names
from asteroid_cloud.indexer.memory.budget import MemoryBudget
from asteroid_cloud.indexer.model.deletions import listed
from asteroid_cloud.indexer.model.digest import snapshot_digest
from asteroid_cloud.indexer.model.part import PartView
from asteroid_cloud.indexer.model.snapshot import Snapshot
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.indexer.segment.column_file import write_fields
from asteroid_cloud.indexer.segment.columns import Fields
from asteroid_cloud.indexer.segment.graph_file import unreachable_nodes
from asteroid_cloud.indexer.segment.payload_file import PayloadFile
from asteroid_cloud.indexer.segment.segment import (
    Segment,
    fields_path,
    graph_path,
    payload_path,
    segment_paths,
)
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.disk import Files, StoreLayout, lock_directory
from asteroid_cloud.wal.errors import AsteroidError, CorruptionError, NotFound
from asteroid_cloud.wal.read import FileState, LogCheck, LogReader

SLICE_ROWS = 4096


class Finding(msgspec.Struct, frozen=True):
    """Something that is not as it should be, and what a person may do about it."""

    place: str
    problem: str
    advice: str


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What a verification saw."""

    findings: list[Finding]
    notes: list[str]
    """What is no damage, but worth knowing: a torn tail, files that nobody names."""
    segments: int
    vectors: int
    """Living rows of the checkpoint; what the log holds beyond it is not counted."""
    records: int
    checkpoint_lsn: int
    last_lsn: int
    digest: str
    """Of the checkpoint's rows; empty when they do not all read."""

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


FROM_LOG = "asteroid wal replay --apply rebuilds the index if the log reaches back; else restore a backup"
FROM_BACKUP = "restore a backup: what the log lost is nowhere else"


class Verification:
    """One look at the store in ``path``."""

    def __init__(self, files: Files, path: str) -> None:
        self._files = files
        self._path = path
        self._layout = StoreLayout(path).collection()
        self._folder = self._layout.index
        self._findings: list[Finding] = []
        self._notes: list[str] = []

    def run(self) -> Verified:
        """Looks at everything; raises LockHeld when the store is open, NotFound when there is none."""
        if not self._files.exists(self._layout.log) and not self._files.exists(self._folder):
            raise NotFound(f"there is no store in {self._path}")
        lock = lock_directory(self._files, self._layout.root)
        try:
            states = self._log()
            manifest = self._manifest()
            segments = self._segments(manifest)
        finally:
            lock.release()
        first = states[0].first_lsn if states else 0
        last = states[-1].last_lsn if states else 0
        at = manifest.applied_lsn if manifest else 0
        if states and not first - 1 <= at <= last:
            problem = f"the checkpoint is at LSN {at}, the log holds {first} to {last}"
            self._found(self._layout.log, problem, FROM_BACKUP)
        views = [_view(segment) for segment in segments]
        whole = manifest is not None and len(views) == len(manifest.segments)
        digest = ""
        if whole and manifest is not None and manifest.spec is not None:
            self._check_ids(views)
            snapshot = Snapshot(Lsn(at), manifest.spec, tuple(views), sum(view.live for view in views))
            with self._noting(self._folder, FROM_LOG):
                digest = snapshot_digest(snapshot)
        return Verified(
            findings=self._findings,
            notes=self._notes,
            segments=len(segments),
            vectors=sum(view.live for view in views),
            records=sum(state.records for state in states),
            checkpoint_lsn=at,
            last_lsn=last,
            digest=digest,
        )

    def _log(self) -> list[FileState]:
        found: LogCheck | None = None
        with self._noting(self._layout.log, FROM_BACKUP):
            found = LogReader(self._files, self._layout.log).check(bodies=True)
        if found is None:
            return []
        for damage in found.damage:
            self._found(damage.path, f"byte {damage.offset}: {damage.reason}", FROM_BACKUP)
        if found.torn_tail is not None:
            self._notes.append(f"{found.torn_tail.path} ends in a torn write; the next start cuts it off")
        return found.files

    def _manifest(self) -> Manifest | None:
        with self._noting(self._folder, FROM_LOG):
            return newest_manifest(self._files, self._folder) if self._files.exists(self._folder) else None
        return None

    def _segments(self, manifest: Manifest | None) -> list[Segment]:
        segments: list[Segment] = []
        entries = manifest.segments if manifest is not None and manifest.spec is not None else []
        for entry in entries:
            assert manifest is not None
            assert manifest.spec is not None
            with self._noting(graph_path(self._folder, entry.number), FROM_LOG):
                segments.append(self._segment(manifest, entry, manifest.spec))
        numbers = {entry.number for entry in entries}
        numbers |= self._tagged(numbers)
        named = {path for number in numbers for path in segment_paths(self._folder, number)}
        for name in sorted(self._files.list(self._folder)) if self._files.exists(self._folder) else ():
            if name.startswith("segment-") and f"{self._folder}/{name}" not in named:
                self._notes.append(f"{name} is named by no manifest; the next start removes it")
        return segments

    def _tagged(self, live: set[int]) -> set[int]:
        """The segments that tags need, each of them looked at unless it is a live one too."""
        found = set[int]()
        for name in tag_names(self._files, self._layout):
            with self._noting(self._layout.tag(name), FROM_BACKUP):
                tag = read_tag(self._files, self._layout, name).decoded()
                numbers = {entry.number for entry in tag.segments}
                for entry in tag.segments:
                    if tag.spec is not None and entry.number not in live | found:
                        self._segment(tag, entry, tag.spec)
                found |= numbers
        return found

    def _segment(self, manifest: Manifest, entry: SegmentEntry, spec: IndexSpec) -> Segment:
        files, folder, identity = self._files, self._folder, manifest.identity
        dead = unpack_deleted(folder, entry.dead, entry.rows)
        segment = Segment(files, folder, identity, entry.number, spec, Lsn(manifest.applied_lsn), dead)
        path = graph_path(folder, entry.number)
        if segment.rows != entry.rows:
            raise CorruptionError(path, 0, f"it has {segment.rows} rows, its manifest says {entry.rows}")
        lost = unreachable_nodes(files, path, identity, entry.number, spec)
        if lost:
            self._found(path, f"{lost} of {segment.rows} nodes cannot be reached in the graph", FROM_LOG)
        self._check_payloads(segment, identity)
        return segment

    def _check_payloads(self, segment: Segment, identity: bytes) -> None:
        """Whether all payloads are JSON objects, and the columns what these payloads make."""
        files, path = self._files, payload_path(self._folder, segment.number)
        payloads = PayloadFile(files, path, identity, segment.number, segment.rows)
        decoder, row = msgspec.json.Decoder(dict[str, object]), 0
        for texts in payloads.all_texts():
            for text in texts:
                try:
                    _ = decoder.decode(text) if text else None
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    self._found(path, f"the payload of row {row} is no JSON object: {error}", FROM_LOG)
                row += 1
        if segment.fields is None:
            self._notes.append(f"segment {segment.number} has no columns: filters read its payloads")
            return
        with TemporaryDirectory(prefix="asteroid-verify-") as scratch:
            made = f"{scratch}/fields"
            bytes_max = MemoryBudget().columns.bytes_max
            write_fields(files, made, identity, segment.number, segment.rows, payloads, bytes_max)
            anew = Fields(files, made, identity, segment.number, segment.rows)
            for name in segment.fields.differing(anew):
                place = fields_path(self._folder, segment.number)
                self._found(place, f"{name} is not what the payloads hold", FROM_LOG)

    def _check_ids(self, views: list[PartView]) -> None:
        alive = [view.ids(listed(_alive(view), view.rows)) for view in views]
        ids, counts = np.unique(np.concatenate([*alive, np.empty(0, np.uint64)]), return_counts=True)
        for id_ in ids[counts > 1][:10].tolist():
            self._found(self._folder, f"id {id_} is alive more than once", FROM_LOG)

    def _found(self, place: str, problem: str, advice: str) -> None:
        self._findings.append(Finding(place, problem, advice))

    @contextmanager
    def _noting(self, place: str, advice: str) -> Iterator[None]:
        """Makes a finding of what the block raises."""
        try:
            yield
        except CorruptionError as error:
            self._found(error.path, f"byte {error.offset}: {error.reason}", advice)
        except AsteroidError as error:
            self._found(place, error.message, advice)


def _alive(view: PartView) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.full((view.rows + 7) // 8, 0xFF, np.uint8) if view.alive is None else view.alive


def _view(segment: Segment) -> PartView:
    dead = segment.deletions.dead_as_of(segment.sealed_lsn)
    return PartView(segment, segment.rows, segment.live, ~dead)
