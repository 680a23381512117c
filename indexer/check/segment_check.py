"""Checking one segment: every byte, every link, every payload, and the columns against the payloads."""

from __future__ import annotations

import sys
from tempfile import TemporaryDirectory

import msgspec

from asteroid_cloud.indexer.check.findings import FROM_LOG, FROM_PAYLOADS, Findings
from asteroid_cloud.indexer.checkpoint.manifest import Manifest, SegmentEntry
from asteroid_cloud.indexer.checkpoint.open_checkpoint import open_entry
from asteroid_cloud.indexer.memory.budget import MemoryBudget
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.indexer.segment.column_file import write_fields
from asteroid_cloud.indexer.segment.columns import Fields
from asteroid_cloud.indexer.segment.graph_file import unreachable_nodes
from asteroid_cloud.indexer.segment.paths import fields_path, graph_path, payload_path, text_path
from asteroid_cloud.indexer.segment.payload_file import PayloadFile
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.indexer.segment.text_file import digest_of, open_text, write_text
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.disk import Files, LocalFiles


class SegmentCheck:
    """Checks segments in the folder of one index; what is wrong in them goes to ``findings``."""

    def __init__(self, files: Files, folder: str, findings: Findings) -> None:
        self._files = files
        self._folder = folder
        self._findings = findings

    def run(self, manifest: Manifest, entry: SegmentEntry, spec: IndexSpec) -> Segment:
        """Checks a segment and gives it, open; raises CorruptionError when it does not open."""
        files, folder, identity = self._files, self._folder, manifest.identity
        segment = open_entry(files, folder, identity, Lsn(manifest.applied_lsn), entry, spec)
        path = graph_path(folder, entry.number)
        lost = unreachable_nodes(files, path, identity, entry.number, spec)
        if lost:
            problem = f"{lost} of {segment.rows} nodes cannot be reached in the graph"
            self._findings.add(path, problem, FROM_LOG)
        payloads = PayloadFile(files, payload_path(folder, entry.number), identity, entry.number, entry.rows)
        self._check_payloads(segment, payloads)
        if segment.fields is None:
            self._findings.note(f"segment {segment.number} has no columns: filters read its payloads")
        else:
            self._check_columns(segment, segment.fields, payloads, identity)
        with self._findings.catch(text_path(folder, entry.number), FROM_PAYLOADS):
            self._check_text(segment, payloads, identity)
        return segment

    def _check_payloads(self, segment: Segment, payloads: PayloadFile) -> None:
        """Whether all payloads are JSON objects."""
        path = payload_path(self._folder, segment.number)
        decoder, row = msgspec.json.Decoder(dict[str, object]), 0
        for texts in payloads.all_texts():
            for text in texts:
                try:
                    _ = decoder.decode(text) if text else None
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    problem = f"the payload of row {row} is no JSON object: {error}"
                    self._findings.add(path, problem, FROM_LOG)
                row += 1

    def _check_columns(
        self, segment: Segment, columns: Fields, payloads: PayloadFile, identity: bytes
    ) -> None:
        """Whether the columns are what the payloads make: they are built again, in a temporary folder."""
        number, scratch_files = segment.number, LocalFiles()
        with TemporaryDirectory(prefix="asteroid-verify-") as scratch:
            path = f"{scratch}/columns"
            bytes_max = MemoryBudget().columns.bytes_max
            whole_max = columns.whole_keys
            write_fields(
                scratch_files, path, identity, number, segment.rows, payloads, bytes_max, whole_max=whole_max
            )
            expected = Fields(scratch_files, path, identity, number, segment.rows)
            for name in columns.differing(expected):
                place = fields_path(self._folder, number)
                self._findings.add(place, f"{name} is not what the payloads hold", FROM_LOG)

    def _check_text(self, segment: Segment, payloads: PayloadFile, identity: bytes) -> None:
        """Whether the text index, if there is one, is what the payloads make; raises CorruptionError."""
        number, path = segment.number, text_path(self._folder, segment.number)
        if not self._files.exists(path):
            return
        found = open_text(self._files, path, identity, number, segment.rows)
        if found is None:
            self._findings.note(f"segment {number} has words as another version finds them")
            return
        with TemporaryDirectory(prefix="asteroid-verify-") as scratch:
            files, again, most = LocalFiles(), f"{scratch}/text", sys.maxsize
            write_text(
                files, again, identity, number, segment.rows, payloads, found.text, most, starts=found.starts
            )
            if digest_of(self._files, path) != digest_of(files, again):
                self._findings.add(path, "the words are not those of the payloads", FROM_PAYLOADS)
