"""Rows: what searches find, what reads give back, and what a write of one says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.client.results.answer import Answer, Payload


class Hit(Answer, frozen=True):
    """One search result; ``payload``, ``vector`` and ``score`` are None unless they were asked for.

    Hits of a search by text always have a ``score``. What only its words have found has no ``distance``;
    where a vector was given too, what they have found has their own score as ``text_score``.
    """

    id: int | str
    distance: float | None = None
    payload: Payload | None = None
    vector: list[float] | None = None
    score: float | None = None
    text_score: float | None = None


class HitGroup(Answer, frozen=True):
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
        explain: object = None,
        groups: list[HitGroup] | None = None,
    ) -> None:
        super().__init__(hits)
        self.lsn = lsn
        self.explain = explain
        self.groups = groups


class Row(Answer, frozen=True):
    """One stored vector; ``payload`` and ``vector`` are None unless they were asked for."""

    id: int | str
    payload: Payload | None = None
    vector: list[float] | None = None


class Record(Answer, frozen=True):
    """One stored vector, as the server dequantised it."""

    id: int | str
    vector: list[float] | None = None
    """None where the row has none, in a collection whose vectors are optional."""
    lsn: int = 0

    def array(self) -> NDArray[np.float32]:
        """The vector as a float32 array; raises ValueError where there is none."""
        if self.vector is None:
            raise ValueError(f"{self.id} has no vector")
        return np.asarray(self.vector, dtype=np.float32)


class Written(Answer, frozen=True):
    """An acknowledged, durable write of one id; of a vector, ``result`` says what became of it."""

    id: int | str
    lsn: int = 0
    result: str | None = None
    """ "inserted", "replaced" or "skipped"; None from an older server, and of other writes."""


class Counted(int):
    """A number of vectors: a plain int that also carries ``lsn``."""

    lsn: int

    def __new__(cls, count: int, *, lsn: int = 0) -> Self:
        self = super().__new__(cls, count)
        self.lsn = lsn
        return self

    @property
    def count(self) -> int:
        """The number itself, as a plain int."""
        return int(self)


class Changed(Answer, frozen=True):
    """What a mixed write did, in one record."""

    lsn: int = 0
    deleted: int = 0
    """Ids that were there and are gone; those named twice count once."""
    inserted: int = 0
    """Items that were written, those that replace included."""
    replaced: int = 0
    """Of these, items whose id existed when it was their turn."""
    skipped: int = 0
    """Items that were left out because their ids existed."""
    patched: int = 0
    set: int = 0


class Inserted(Counted):
    """How many items were written, which also carries ``replaced``, ``skipped`` and ``lsn``."""

    replaced: int
    """Of those written: their ids existed before."""
    skipped: int
    """Items that were left out because their ids existed."""

    def __new__(cls, count: int, *, replaced: int = 0, skipped: int = 0, lsn: int = 0) -> Self:
        self = super().__new__(cls, count, lsn=lsn)
        self.replaced, self.skipped = replaced, skipped
        return self
