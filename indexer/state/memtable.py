"""A memtable: some of the newest rows, flat in RAM, until they are sealed into a segment."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer.model.deletions import Deletions, test_bits
from asteroid_cloud.indexer.model.ids import Keys
from asteroid_cloud.indexer.model.part import TakeBytes, unbounded
from asteroid_cloud.indexer.model.spec import IndexSpec
from asteroid_cloud.indexer.native import core
from asteroid_cloud.indexer.segment.payload_refs import (
    PAYLOAD_REF_BYTES,
    PayloadRef,
    RowPayload,
    may_be_large,
    sizes_of,
    texts_of,
)
from asteroid_cloud.indexer.texts.definition import TextDefinition
from asteroid_cloud.wal import Lsn

TEXT_ROWS_AT_ONCE = 256
"""Payloads that are read at once to be indexed."""
TAIL_ROW_BYTES = 96
"""RAM of a row in a memtable beside its vector and payload: its id in a map, its payload's place."""

PAGE_BYTES = 4096


def bare_row_bytes(spec: IndexSpec) -> int:
    """RAM of the place of a vector that is not there: what it shares with its neighbours, a page at most."""
    return min(spec.row_bytes, PAGE_BYTES)


class Memtable:
    """Rows in the order of their records; whole records are appended, by the applier alone."""

    is_flat = True
    fields = None

    def __init__(self, spec: IndexSpec, number: int, capacity: int) -> None:
        self.number = number
        self.spec = spec
        self.native = core.Rows(
            spec.dim, spec.native_metric, spec.has_fine, capacity, spec.outliers, spec.has_string_ids
        )
        self.deletions = Deletions(capacity)
        self.payload_bytes = 0
        self.has_large_payloads = False
        """Whether some may be large; see ``large_payloads``."""
        self.first_lsn: Lsn | None = None
        self.newest_lsn: Lsn | None = None
        self.before_ms = 0
        """The time of the record before the first one with rows; 0 when it is not known."""
        self.bare_rows = 0
        """Rows without a vector, dead ones too; there is room in its place, which nobody ever writes to."""
        self._has_vector = np.full((capacity + 7) // 8, 0xFF, np.uint8)
        """Which rows have one: a bit a row, set before the row can be seen and never changed."""
        self._payloads: list[RowPayload] = []
        self._bare_row_saves = spec.row_bytes - bare_row_bytes(spec)
        self._text: tuple[TextDefinition, core.TailTextIndex] | None = None
        """The words of the rows that a search by text has met, in no particular order of threads."""
        self._ram_row_bytes = spec.row_bytes + TAIL_ROW_BYTES  # asked for at every write

    @property
    def key(self) -> Hashable:
        """Names the memtable for ever."""
        return ("memtable", self.number)

    @property
    def rows(self) -> int:
        """Rows written so far, dead ones too."""
        return self.native.rows

    @property
    def ram_bytes(self) -> int:
        """RAM that the rows and their payloads take."""
        saved = self.bare_rows * self._bare_row_saves
        text_bytes = 0 if self._text is None else self._text[1].ram_bytes
        rows_bytes = self.rows * self._ram_row_bytes - saved
        return rows_bytes + self.payload_bytes + self.native.name_bytes + text_bytes

    @property
    def vector_bytes(self) -> int:
        """RAM of the quantised vectors."""
        return self.rows * self.spec.row_bytes - self.bare_rows * self._bare_row_saves

    @property
    def directory_bytes(self) -> int:
        """RAM of knowing where each id and each payload is."""
        return self.rows * TAIL_ROW_BYTES + self.native.name_bytes

    def append(
        self,
        lsn: Lsn,
        ids: Keys,
        encoded: NDArray[np.uint8],
        payloads: Sequence[RowPayload],
        last_lsn: Lsn | None = None,
        bare: NDArray[np.bool_] | None = None,
    ) -> None:
        """Adds the rows of record ``lsn``, or of those up to ``last_lsn``; ``bare`` ones have no vector.

        ``encoded`` are the records of those that have one.

        Payloads first, so that a visible row always has its payload.
        """
        if self.first_lsn is None:
            self.first_lsn = lsn
        self.newest_lsn = last_lsn or lsn  # before the rows can be seen, as their payloads
        self._payloads.extend(payloads)
        self.payload_bytes += sum(
            PAYLOAD_REF_BYTES if isinstance(each, PayloadRef) else len(each) for each in payloads
        )
        self.has_large_payloads = self.has_large_payloads or any(map(may_be_large, payloads))
        if bare is not None:
            self._note_bare(np.flatnonzero(bare) + self.rows)
        self.native.append(ids, encoded, bare)

    def _note_bare(self, ordinals: NDArray[np.intp]) -> None:
        # A byte is replaced as a whole: readers may look at its other bits now.
        for ordinal in ordinals.tolist():
            self._has_vector[ordinal // 8] &= ~(1 << ordinal % 8) & 0xFF
        self.bare_rows += len(ordinals)

    def has_vectors(self, ordinals: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Which of the rows have a vector."""
        return test_bits(self._has_vector, ordinals)

    def vector_bits(self, rows: int) -> NDArray[np.uint8]:
        """The same of the first ``rows`` rows, as packed bits."""
        return self._has_vector[: (rows + 7) // 8]

    def find(self, ids: Keys, rows: int) -> NDArray[np.int64]:
        """The newest row below ``rows`` that holds each id, or -1."""
        return self.native.find(ids, rows)

    def payloads(self, ordinals: NDArray[np.uint32], take: TakeBytes = unbounded) -> list[bytes]:
        """The payload text of each row."""
        return texts_of(self.payload_refs(ordinals), take)

    def payload_sizes(self, ordinals: NDArray[np.uint32]) -> NDArray[np.int64]:
        """The bytes of each of these texts."""
        return np.array(sizes_of(self.payload_refs(ordinals)), np.int64)

    def large_payloads(self, ordinals: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Which of these rows may have a large one."""
        return np.fromiter(
            (may_be_large(each) for each in self.payload_refs(ordinals)), np.bool_, len(ordinals)
        )

    def text_index(
        self, text: TextDefinition, rows: int, take: TakeBytes = unbounded
    ) -> core.TextIndex | None:
        """The words of the first ``rows`` payloads at least; those that are new are read for it."""
        found = self._text
        if found is None or found[0] != text:
            found = self._text = text, core.TailTextIndex(text.native)
        native = found[1]
        for first in range(native.rows, rows, TEXT_ROWS_AT_ONCE):
            some = np.arange(first, min(first + TEXT_ROWS_AT_ONCE, rows), dtype=np.uint32)
            native.extend(first, self.payloads(some, take))
        return native

    def text_rows(self, text: TextDefinition) -> int:
        """How many rows are indexed like that already."""
        return self._text[1].rows if self._text is not None and self._text[0] == text else 0

    def payload_refs(self, ordinals: NDArray[np.uint32]) -> list[RowPayload]:
        """What a newer row stores that keeps the payload of one of these."""
        return [self._payloads[ordinal] for ordinal in ordinals.tolist()]
