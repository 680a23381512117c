"""Filters of the laboratory: how many rows match, and whether these lie where the query does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.query import MATCH_ALL, Filter, parse_filter
from ops.bench.shapes.makers import Vectors

Flags = NDArray[np.bool_]
Places = NDArray[np.int64]

PLACES = 1000
SAMPLE = 500


@dataclass(frozen=True, slots=True)
class Fields:
    """What rows and queries hold that filters ask for, each in 0 … PLACES − 1."""

    random: Places
    """Of each row: payload field ``r``."""
    place: Places
    """Of each row, its rank along the direction in which the rows are spread most: payload field ``c``."""
    query_place: Places
    """Of each query, where it would be among the rows."""

    def payloads(self, first: int, last: int) -> list[bytes]:
        """The payload texts of some rows."""
        pairs = zip(self.random[first:last].tolist(), self.place[first:last].tolist(), strict=True)
        return [b'{"r":%d,"c":%d}' % pair for pair in pairs]


def fields_of(base: Vectors, queries: Vectors) -> Fields:
    """The fields of some rows and queries; the same each time."""
    rows = len(base)
    along, of_queries = _along_the_widest(base, queries)
    order = np.sort(along)
    ranks = np.argsort(np.argsort(along, kind="stable"), kind="stable")
    places = np.searchsorted(order, of_queries) * PLACES // rows
    random = np.random.default_rng(9).integers(PLACES, size=rows)
    return Fields(random, ranks * PLACES // rows, np.minimum(places, PLACES - 1))


def _along_the_widest(base: Vectors, queries: Vectors) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far rows and queries lie along the first principal direction of a sample of the rows."""
    scale = float(np.abs(base).max()) or 1.0
    rows, asked = base / np.float64(scale), queries / np.float64(scale)
    middle = rows.mean(axis=0)
    sample = rows[:: max(1, len(rows) // SAMPLE)] - middle
    direction = np.linalg.svd(sample, full_matrices=False)[2][0]
    return (rows - middle) @ direction, (asked - middle) @ direction


@dataclass(frozen=True, slots=True)
class Filtered:
    """A condition on one field, and which queries are asked under it."""

    name: str
    field: str = ""
    low: int = 0
    high: int = PLACES
    asks_below: int = PLACES
    """Only queries whose place is less are asked,"""
    asks_from: int = 0
    """and not less than this."""

    @property
    def filter(self) -> Filter:
        """The condition as the store is asked it."""
        if not self.field:
            return MATCH_ALL
        return parse_filter({self.field: {"$gte": self.low, "$lt": self.high}})

    def allows(self, fields: Fields) -> Flags:
        """Which rows match."""
        values = fields.place if self.field == "c" else fields.random
        return (values >= self.low) & (values < self.high)

    def asks(self, fields: Fields) -> Flags:
        """Which queries are asked; all when none would be."""
        asked = (fields.query_place >= self.asks_from) & (fields.query_place < self.asks_below)
        return asked if asked.any() else np.ones_like(asked)


EVERYTHING = Filtered("–")
FILTERS = (
    EVERYTHING,
    Filtered("50%", "r", 0, 500),
    Filtered("30%", "r", 0, 300),
    Filtered("3%", "r", 0, 30),
    Filtered("a clustered fifth", "c", 800, 1000),
    Filtered("a fifth near by", "c", 800, 1000, asks_from=800),
    Filtered("a fifth far off", "c", 800, 1000, asks_below=400),
)
"""The last is correlated negatively: it matches what lies on the other side of the data than the query."""
