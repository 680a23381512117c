"""What calls give back: frozen structs that also read like the mappings of the HTTP answers.

``record.vector`` and ``record["vector"]`` are the same thing, and ``dict(record)`` works, so code
that treats answers as dictionaries keeps working. Wherever there is an ``lsn`` it is the log
sequence number of the write, or of the snapshot that was read; 0 when the server named none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import cast

import msgspec
import numpy as np
from numpy.typing import NDArray

Payload = dict[str, object]


class Answer(msgspec.Struct, frozen=True):
    """Lets a struct be read as a mapping too."""

    def __getitem__(self, name: str) -> object:
        if name not in self.__struct_fields__:
            raise KeyError(name)
        return cast(object, getattr(self, name))

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __contains__(self, name: object) -> bool:
        return name in self.keys()

    def keys(self) -> tuple[str, ...]:
        """The names of the fields."""
        return self.__struct_fields__


class Hit(Answer, frozen=True):
    """One search result; ``payload`` and ``vector`` are None unless they were asked for."""

    id: int
    distance: float
    payload: Payload | None = None
    vector: list[float] | None = None


class Hits(list[Hit]):
    """The results of one search, nearest first, and the LSN of the snapshot that was searched."""

    __slots__ = ("explain", "lsn")

    def __init__(self, hits: Iterable[Hit] = (), *, lsn: int = 0, explain: object = None) -> None:
        super().__init__(hits)
        self.lsn = lsn
        self.explain = explain


class Row(Answer, frozen=True):
    """One stored vector; ``payload`` and ``vector`` are None unless they were asked for."""

    id: int
    payload: Payload | None = None
    vector: list[float] | None = None


class Record(Answer, frozen=True):
    """One stored vector, as the server dequantised it."""

    id: int
    vector: list[float]
    lsn: int = 0

    def array(self) -> NDArray[np.float32]:
        """The vector as a float32 array."""
        return np.asarray(self.vector, dtype=np.float32)


class Written(Answer, frozen=True):
    """An acknowledged, durable write of one id."""

    id: int
    lsn: int = 0


class IndexInfo(Answer, frozen=True):
    """The index: ``dim``, ``metric`` and ``bits`` are None until it is created."""

    initialized: bool
    dim: int | None = None
    metric: str | None = None
    bits: int | None = None
    lsn: int = 0


class BulkReport(Answer, frozen=True):
    """How a bulk build went."""

    n: int
    elapsed_ms: float
    vectors_per_sec: float
    threads: int = 0
    payloads_written: int = 0
    lsn: int = 0


class BackupReport(Answer, frozen=True):
    """A backup that was made."""

    lsn: int
    """Every write up to here is in it."""
    files: int
    bytes: int
    linked_bytes: int
    """Of them, those that an earlier backup had already."""
    seconds: float


class Backup(Answer, frozen=True):
    """A finished backup on the server."""

    name: str
    lsn: int
    made_ms: int
    """When it was begun, in milliseconds since 1970."""
    files: int
    bytes: int


class Change(Answer, frozen=True):
    """One change, or a piece of a large one: all pieces have its LSN, and all but the last say ``more``."""

    lsn: int = 0
    kind: str = ""
    """create_index, delete_index, upsert, delete, set_payload, merge_payload or bulk_load."""
    time_ms: int = 0
    """When it was logged, in milliseconds since 1970, by the server's clock."""
    ids: list[int] | None = None
    payloads: list[Payload | None] | None = None
    """For each id: None keeps the payload, {} clears it; of ``merge_payload`` the merge-patch."""
    vectors: list[list[float]] | None = None
    """As they were given."""
    dim: int | None = None
    metric: str | None = None
    bits: int | None = None
    rows: int | None = None
    """Of a bulk load, whose ids are 0 … rows - 1."""
    more: bool = False


class Tag(Answer, frozen=True):
    """A named state that the server's operator can take the store back to."""

    name: str
    lsn: int
    """Every write up to here is in it."""
    made_ms: int
    """When it was made, in milliseconds since 1970."""
    vectors: int
    bytes: int


class PurgeReport(Answer, frozen=True):
    """What a purge erased."""

    lsn: int
    """What was deleted or replaced by a write up to here is in no file of the store."""
    segments_rewritten: int
    rows_erased: int
    log_first_lsn: int
    tags_removed: list[str]
    files_removed: int
    not_ours: list[str]
    """Files in the store's folder that are not the store's, and were not looked into."""


class FacetValue(Answer, frozen=True):
    """One value and how many vectors have it."""

    value: str | int | float | bool | None
    count: int


class Facets(Answer, frozen=True):
    """The commonest values of a payload field, the most frequent first, and what there is beside them."""

    values: list[FacetValue]
    distinct: int
    """How many different values there are, those not listed too."""
    rows: int
    rows_with_field: int
    rows_without_field: int
    lsn: int = 0


class Bounds(Answer, frozen=True):
    """The least and the greatest value of one kind, and how many vectors have any of it."""

    rows: int
    min: int | float | str
    max: int | float | str


class FieldRange(Answer, frozen=True):
    """The least and the greatest value of a payload field; None for a kind that there is none of."""

    numbers: Bounds | None
    strings: Bounds | None
    rows: int
    rows_with_field: int
    rows_without_field: int
    lsn: int = 0


class Stats(Answer, frozen=True):
    """The server's figures; whatever else it reports is in ``more``, and reachable by item too."""

    vectors: int
    dim: int | None = None
    metric: str | None = None
    memory_bytes: int = 0
    lsn: int = 0
    more: dict[str, object] = {}

    def __getitem__(self, name: str) -> object:
        return self.more[name] if name in self.more else super().__getitem__(name)

    def keys(self) -> tuple[str, ...]:
        """The names of the fields, those in ``more`` included."""
        own = tuple(name for name in self.__struct_fields__ if name != "more")
        return own + tuple(name for name in self.more if name not in own)


class Counted(int):
    """A number of vectors: a plain int that also carries ``lsn``."""

    lsn: int

    def __new__(cls, count: int, *, lsn: int = 0) -> Counted:
        self = super().__new__(cls, count)
        self.lsn = lsn
        return self

    @property
    def count(self) -> int:
        """The number itself, as a plain int."""
        return int(self)
