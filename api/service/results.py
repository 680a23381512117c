"""What the embedded store gives back: frozen structs that also read like the answers over HTTP.

``record.vector`` and ``record["vector"]`` are the same thing, so code written for the client, which
treats answers either way, runs on an embedded store unchanged. Vectors are float32 arrays. Wherever
there is an ``lsn`` it is that of the write, or of the snapshot that was read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal, Self, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from asteroid_cloud import query
from asteroid_cloud.indexer import Building, MemoryUse, TextProgress, WriteCounts
from asteroid_cloud.query import Bounds, Explain, FacetValue, FieldInfo
from asteroid_cloud.query.limits import EF_SEARCH_DEFAULT
from asteroid_cloud.wal.append import LogSyncs
from asteroid_cloud.wal.errors import Conflict

Payload = dict[str, Any]


class Answer(msgspec.Struct, frozen=True, eq=False):
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


class Hit(Answer, frozen=True, eq=False):
    """One search result; ``payload``, ``vector`` and ``score`` are None unless they were asked for.

    Hits of a search by words have a ``score`` always. What only words have found has no ``distance``; where a
    vector was given too, what they have found has their own score as ``text_score``.
    """

    id: int | str
    distance: float | None
    payload: Payload | None = None
    vector: NDArray[np.float32] | None = None
    score: float | None = None
    text_score: float | None = None


class HitGroup(Answer, frozen=True, eq=False):
    """One group of a search with ``group_by``: a value of the field, and its nearest hits."""

    value: str | int | float | bool
    hits: list[Hit]


class Hits(list[Hit]):
    """The results of one search, nearest first, and the LSN of the snapshot that was searched.

    With ``group_by`` these are the hits of all ``groups``, one group after the other.
    """

    __slots__ = ("explain", "groups", "lsn")

    def __init__(
        self,
        hits: Iterable[Hit] = (),
        *,
        lsn: int = 0,
        explain: Explain | None = None,
        groups: list[HitGroup] | None = None,
    ) -> None:
        super().__init__(hits)
        self.lsn = lsn
        self.explain = explain
        self.groups = groups


class Row(Answer, frozen=True, eq=False):
    """One stored vector; ``payload`` and ``vector`` are None unless they were asked for."""

    id: int | str
    payload: Payload | None = None
    vector: NDArray[np.float32] | None = None


class Record(Answer, frozen=True, eq=False):
    """One stored vector, dequantised."""

    id: int | str
    vector: NDArray[np.float32] | None
    """None where the row has none."""
    lsn: int

    def array(self) -> NDArray[np.float32]:
        """The vector, by the name that the client's record has for it; raises Conflict ``no_vector``."""
        if self.vector is None:
            raise Conflict(f"{self.id} has no vector", code="no_vector")
        return self.vector


WriteOutcome = Literal["inserted", "replaced", "skipped"]
"""What became of an item: its id is new, it was there, or it was there and the item is left out."""


class Written(Answer, frozen=True):
    """A durable write of one id; of a vector, ``result`` says what became of it."""

    id: int | str
    lsn: int
    result: WriteOutcome | None = None


class IndexInfo(Answer, frozen=True):
    """The index: ``dim``, ``metric`` and ``bits`` are None until it is created."""

    initialized: bool
    dim: int | None
    metric: str | None
    bits: int | None
    lsn: int


class BulkReport(Answer, frozen=True):
    """How a bulk build went."""

    n: int
    elapsed_ms: float
    vectors_per_sec: float
    threads: int
    payloads_written: int
    lsn: int


class Facets(Answer, frozen=True):
    """The commonest values of a payload field, the most frequent first, and what there is beside them."""

    values: list[FacetValue]
    distinct: int
    """How many different values there are, those not listed too."""
    rows: int
    rows_with_field: int
    rows_without_field: int
    lsn: int

    @classmethod
    def of(cls, found: query.Facets, lsn: int) -> Facets:
        """What the query layer found in the snapshot of that LSN."""
        return cls(**msgspec.structs.asdict(found), lsn=lsn)


class FieldRange(Answer, frozen=True):
    """The least and the greatest value of a payload field; None for a kind that there is none of."""

    numbers: Bounds | None
    strings: Bounds | None
    rows: int
    rows_with_field: int
    rows_without_field: int
    lsn: int

    @classmethod
    def of(cls, found: query.FieldRange, lsn: int) -> FieldRange:
        """What the query layer found in the snapshot of that LSN."""
        return cls(**msgspec.structs.asdict(found), lsn=lsn)


class FieldList(list[FieldInfo]):
    """The fields that payloads have, and the LSN of the snapshot that was read."""

    __slots__ = ("lsn",)

    def __init__(self, fields: Iterable[FieldInfo] = (), *, lsn: int = 0) -> None:
        super().__init__(fields)
        self.lsn = lsn


class Recall(Answer, frozen=True):
    """The share of the true neighbours that searches found; 1 when there was nothing to find."""

    recall: float
    """The mean over all samples."""
    worst: float
    """The least of a single sample."""
    samples: int
    """Searches that were compared with an exact one."""
    lsn: int

    @classmethod
    def of(cls, found: query.Recall, lsn: int) -> Recall:
        """What was measured in the snapshot of that LSN."""
        return cls(**msgspec.structs.asdict(found), lsn=lsn)


class Stats(Answer, frozen=True, kw_only=True):
    """The store's figures at one moment; the answer to ``GET /v1/stats`` has the same names."""

    vectors: int
    """Living rows, exactly."""
    without_vector: int = 0
    """Of these, those that have no vector."""
    dim: int | None
    metric: str | None
    memory_bytes: int
    """Anonymous resident memory of this process: what files can not give back to the system."""
    segments: int
    segments_of_0_1: int = 0
    """Of these, those that version 0.1 has written; they are built again one after another."""
    segment_rows: int
    tombstones: int
    tail_rows: int
    tail_bytes: int
    rows_lost: int
    """Rows that were given up with damaged segments; 0 as a rule."""
    records_lost: int = 0
    """Records of the log that were given up, as far as their number is known; 0 as a rule."""
    degraded: bool = False
    """Whether something was given up that nobody has acknowledged."""
    lag_records: int
    """Records applied that no durable segment holds yet."""
    lag_seconds: float
    log_bytes: int
    segment_bytes: int
    last_lsn: int
    durable_lsn: int
    checkpoint_lsn: int
    clock_behind_ms: int = 0
    """How far the clock is behind the newest record, in milliseconds; 0 unless it went back."""
    clock_jumps: int = 0
    """How often the clock has jumped since the store was opened, as far as writes met it."""
    log_syncs: LogSyncs = LogSyncs()
    """How long the syncs of the log have taken since the store was opened."""
    memory_budget_bytes: int
    merging: bool
    building: list[Building]
    """Segments under construction, sealing, merges and bulk loads, each with the share that is done."""
    memory: MemoryUse
    """Bytes by what they are for."""
    kernels: str
    text: TextProgress | None = None
    """How many rows in segments there are and how many of them are indexed as text; None where none is."""
    recall_sampled: float | None = None
    """The mean recall of the last searches that were repeated exactly; None before the first."""
    recall_samples: int = 0
    """How many were repeated since the store was opened."""
    recall_low: bool = False
    """Whether the recall of searches that name no ``ef_search`` fell below the setting ``recall_min``, and is
    not well above it again."""
    ef_search_default: int = EF_SEARCH_DEFAULT
    """What these have as ``ef_search``; more than 128 after their recall was low."""
    lsn: int


class Counted(int):
    """A number of vectors: a plain int that also carries ``lsn``."""

    lsn: int

    def __new__(cls, count: int, *, lsn: int) -> Self:
        self = super().__new__(cls, count)
        self.lsn = lsn
        return self

    @property
    def count(self) -> int:
        """The number itself, as a plain int."""
        return int(self)


class Changed(Answer, frozen=True):
    """What a mixed write did, in one record."""

    lsn: int
    deleted: int
    """Ids that were there and are gone; those named twice count once."""
    inserted: int
    """Items that were written, those that replace included."""
    replaced: int
    """Of these, items whose id existed when it was their turn."""
    skipped: int
    """Items that were left out because their ids existed."""
    patched: int
    set: int

    @classmethod
    def of(cls, counts: WriteCounts, lsn: int) -> Changed:
        """The counts of a write, and its LSN."""
        return cls(lsn, **msgspec.structs.asdict(counts))


class Inserted(Counted):
    """How many items were written, which also carries ``replaced``, ``skipped`` and ``lsn``."""

    replaced: int
    """Of those written: their ids existed before."""
    skipped: int
    """Items that were left out because their ids existed."""

    def __new__(cls, count: int, *, replaced: int = 0, skipped: int = 0, lsn: int) -> Self:
        self = super().__new__(cls, count, lsn=lsn)
        self.replaced, self.skipped = replaced, skipped
        return self

    def plus(self, counts: WriteCounts, lsn: int) -> Inserted:
        """That many more, as of ``lsn``."""
        return Inserted(
            self + counts.inserted,
            replaced=self.replaced + counts.replaced,
            skipped=self.skipped + counts.skipped,
            lsn=lsn,
        )
