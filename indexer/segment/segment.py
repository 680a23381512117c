"""A segment: immutable rows in two mapped or block-wise read files, a graph over them."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer.model.deletions import Deletions
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.indexer.native import core
from asteroid_cloud.indexer.segment.columns import Fields
from asteroid_cloud.indexer.segment.graph_file import open_segment
from asteroid_cloud.indexer.segment.payload_file import PayloadFile, PayloadRef, RowPayload
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.disk import Files
from asteroid_cloud.wal.errors import CorruptionError


def graph_path(folder: str, number: int) -> str:
    """Where the graph of segment ``number`` lies."""
    return f"{folder}/segment-{number:012d}.graph"


def fields_path(folder: str, number: int) -> str:
    """Where the columns of segment ``number`` lie."""
    return f"{folder}/segment-{number:012d}.fields"


def payload_path(folder: str, number: int) -> str:
    """Where the payloads of segment ``number`` lie."""
    return f"{folder}/segment-{number:012d}.payload"


def segment_paths(folder: str, number: int) -> list[str]:
    """All files that segment ``number`` may have."""
    return [path(folder, number) for path in (graph_path, payload_path, fields_path)]


class Segment:
    """An open segment and its dead rows."""

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
    ) -> None:
        """Checks both files whole; raises CorruptionError or UnsupportedVersion."""
        self.number = number
        self.sealed_lsn = sealed_lsn
        """The LSN up to which all rows are in this segment or an older one."""
        graph, payload = graph_path(folder, number), payload_path(folder, number)
        self.native, footer = open_segment(files, graph, identity, number, spec)
        self._graph_path = graph
        self.rows = footer.rows
        self.joins = footer.joins
        top_rows = footer.upper[-1].count if footer.upper else footer.rows
        self._top_bytes = top_rows * spec.record_bytes
        fields = fields_path(folder, number)
        has_fields = files.exists(fields)
        self.file_bytes = sum(
            files.size(path) for path in (graph, payload, *([fields] if has_fields else []))
        )
        self.deletions = Deletions(self.rows, dead)
        self._payload_file = PayloadFile(files, payload, identity, number, self.rows)
        self.fields = Fields(files, fields, identity, number, self.rows) if has_fields else None
        """What filters look at first; the first releases wrote none."""

    @property
    def key(self) -> Hashable:
        """Names the segment for ever."""
        return ("segment", self.number)

    @property
    def newest_lsn(self) -> Lsn:
        """The LSN after which it got no row."""
        return self.sealed_lsn

    @property
    def live(self) -> int:
        """Rows not dead."""
        return self.rows - self.deletions.count

    def find(self, ids: NDArray[np.uint64], rows: int) -> NDArray[np.int64]:
        """The row that holds each id, or -1; a segment holds an id once at most.

        Raises CorruptionError when the file has been damaged since it was opened.
        """
        try:
            return self.native.find(ids)
        except core.DamagedSegment as error:
            raise CorruptionError(self._graph_path, 0, str(error)) from error

    def payloads(self, ordinals: NDArray[np.uint32]) -> list[bytes]:
        """The payload text of each row, read from disk a block at a time."""
        return self._payload_file.fetch(ordinals)

    def payload_sizes(self, ordinals: NDArray[np.uint32]) -> NDArray[np.int64]:
        """The bytes of each of these texts."""
        return self._payload_file.sizes(ordinals)

    def payload_refs(self, ordinals: NDArray[np.uint32]) -> list[RowPayload]:
        """What a newer row stores that keeps the payload of one of these."""
        return [PayloadRef(self._payload_file, ordinal) for ordinal in ordinals.tolist()]

    @property
    def directory_bytes(self) -> int:
        """RAM of what is kept of the files: the records that walks begin with, and the payloads' places."""
        fields_bytes = self.fields.directory_bytes if self.fields else 0
        return self._top_bytes + self._payload_file.table_bytes + fields_bytes
