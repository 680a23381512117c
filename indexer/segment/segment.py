"""A segment: immutable rows and a graph over them, mapped or read in blocks from its files."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer.model.deletions import Deletions
from asteroid_cloud.indexer.model.ids import Keys
from asteroid_cloud.indexer.model.part import TakeBytes, unbounded
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.indexer.native import core
from asteroid_cloud.indexer.segment.columns import Fields
from asteroid_cloud.indexer.segment.container import CheckWanted, always_wanted
from asteroid_cloud.indexer.segment.graph_file import RECORDS_OF_0_1, open_segment
from asteroid_cloud.indexer.segment.paths import (
    fields_path,
    graph_path,
    payload_path,
    segment_paths,
    text_path,
)
from asteroid_cloud.indexer.segment.payload_file import PayloadFile
from asteroid_cloud.indexer.segment.payload_refs import PayloadRef, RowPayload
from asteroid_cloud.indexer.segment.text_file import SegmentText, open_text
from asteroid_cloud.indexer.texts.definition import TextDefinition
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.disk import Files
from asteroid_cloud.wal.errors import CorruptionError


class Segment:
    """An open segment, and which of its rows are deleted."""

    is_flat = False

    def __init__(
        self,
        files: Files,
        folder: str,
        identity: bytes,
        number: int,
        spec: IndexSpec,
        sealed_lsn: Lsn,
        dead: NDArray[np.uint8] | None = None,
        check_wanted: CheckWanted = always_wanted,
    ) -> None:
        """Checks every byte of the files; raises CorruptionError, UnsupportedVersion, or as the check."""
        self.number = number
        self.sealed_lsn = sealed_lsn
        """The LSN up to which all rows are in this segment or an older one."""
        graph, payload = graph_path(folder, number), payload_path(folder, number)
        self.native, footer = open_segment(files, graph, identity, number, spec, check_wanted)
        self._graph_path = graph
        self.rows = footer.rows
        self.joins = footer.joins
        self.is_of_0_1 = footer.records == RECORDS_OF_0_1
        """Whether version 0.1 has written it: it is served, and built again when there is time."""
        self.bare_rows = footer.bare or 0
        """Rows without a vector: the last ones."""
        top_rows = footer.upper[-1].count if footer.upper else self.native.vector_rows
        self._top_bytes = top_rows * spec.record_bytes
        fields = fields_path(folder, number)
        self.file_bytes = sum(
            files.size(path) for path in segment_paths(folder, number) if files.exists(path)
        )
        self.deletions = Deletions(self.rows, dead)
        self._text: SegmentText | None = None
        self._payload_file = PayloadFile(files, payload, identity, number, self.rows, check_wanted)
        self.fields: Fields | None = None
        """What filters look at first; None in segments whose columns are missing."""
        if files.exists(fields):
            self.fields = Fields(files, fields, identity, number, self.rows, check_wanted)

    def open_text(
        self,
        files: Files,
        folder: str,
        identity: bytes,
        text: TextDefinition,
        check_wanted: CheckWanted = always_wanted,
    ) -> bool:
        """Opens its text index, if there is one of this definition.

        Raises CorruptionError, UnsupportedVersion.
        """
        path = text_path(folder, self.number)
        if not files.exists(path):
            return False
        self._text = open_text(files, path, identity, self.number, self.rows, text, check_wanted)
        return self._text is not None

    def text_index(
        self, text: TextDefinition, rows: int, take: TakeBytes = unbounded
    ) -> core.TextIndex | None:
        """The words of its payloads; None while they are not indexed as ``text`` says."""
        found = self._text
        return found.native if found is not None and found.text == text else None

    def text_rows(self, text: TextDefinition) -> int:
        """How many rows are indexed like that: all or none."""
        return 0 if self.text_index(text, self.rows) is None else self.rows

    @property
    def key(self) -> Hashable:
        """Names the segment for ever."""
        return ("segment", self.number)

    @property
    def payload_bytes(self) -> int:
        """About how many bytes all payload texts have together."""
        return self._payload_file.text_bytes

    @property
    def has_large_payloads(self) -> bool:
        """Whether some payloads are larger than those of version 0.1 could be."""
        return self._payload_file.has_large

    def large_payloads(self, ordinals: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Which of these rows may have such a payload."""
        return self._payload_file.are_large(ordinals)

    def has_vectors(self, ordinals: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Which of the rows have a vector."""
        return np.less(ordinals, self.native.vector_rows)

    def vector_bits(self, rows: int) -> NDArray[np.uint8]:
        """The same of the first ``rows`` rows, as packed bits."""
        bits, there = np.zeros((rows + 7) // 8, np.uint8), min(rows, self.native.vector_rows)
        bits[: there // 8] = 0xFF
        if there % 8:
            bits[there // 8] = (1 << there % 8) - 1
        return bits

    @property
    def newest_lsn(self) -> Lsn:
        """The LSN after which it got no row."""
        return self.sealed_lsn

    @property
    def live(self) -> int:
        """Rows that are not deleted."""
        return self.rows - self.deletions.count

    def find(self, ids: Keys, rows: int) -> NDArray[np.int64]:
        """The row that holds each id, or -1; a segment holds an id once at most.

        Raises CorruptionError when the file has been damaged since it was opened.
        """
        try:
            return self.native.find(ids)
        except core.DamagedSegment as error:
            raise CorruptionError(self._graph_path, 0, str(error)) from error

    def payloads(self, ordinals: NDArray[np.uint32], take: TakeBytes = unbounded) -> list[bytes]:
        """The payload text of each row, read from disk a block at a time."""
        return self._payload_file.fetch(ordinals, take)

    def payload_sizes(self, ordinals: NDArray[np.uint32]) -> NDArray[np.int64]:
        """The bytes of each of these texts."""
        return self._payload_file.sizes(ordinals)

    def payload_refs(self, ordinals: NDArray[np.uint32]) -> list[RowPayload]:
        """What a newer row stores that keeps the payload of one of these."""
        return [PayloadRef(self._payload_file, ordinal) for ordinal in ordinals.tolist()]

    @property
    def directory_bytes(self) -> int:
        """RAM of what is kept of the files: the records that walks begin with, and where payloads lie."""
        fields_bytes = self.fields.directory_bytes if self.fields else 0
        return self._top_bytes + self._payload_file.table_bytes + fields_bytes
