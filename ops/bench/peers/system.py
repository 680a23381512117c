"""The interface of a system that is measured."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Ids = NDArray[np.int64]

LINKS = 16
"""M of every graph that has one: links of a node; twice as many on the lowest level."""
BUILD_BREADTH = 200


class Finished(NamedTuple):
    """Moments of `time.perf_counter`."""

    indexed_s: float
    """Everything is in a graph, and saved."""
    settled_s: float
    """Background work has ended."""


class System:
    """One store in one process: built and closed, or reopened, searched and closed.

    Rows have length 1 and the ids 0 … n-1. Building ends with everything saved in `folder`.
    """

    can_insert = True
    can_build = True

    def __init__(self, folder: Path, dim: int, rows: int) -> None:
        self.folder = folder
        self.dim = dim
        self.rows = rows

    def create(self) -> None:
        """Makes an empty store to insert into."""

    def insert(self, ids: Ids, vectors: Vectors) -> None:
        """Inserts one batch, as its only writer."""
        raise NotImplementedError

    def finish(self) -> Finished:
        """After the last batch: indexes and saves what is not yet indexed and saved."""
        self.save()
        now_s = time.perf_counter()
        return Finished(now_s, now_s)

    def save(self) -> None:
        """Writes to the folder what is not there already."""

    def build(self, vectors: Vectors, threads: int) -> None:
        """Builds the whole store in one call."""
        raise NotImplementedError

    def open(self) -> None:
        """Opens the saved store for searching by one thread."""
        raise NotImplementedError

    def set_breadth(self, breadth: int) -> None:
        """How many candidates a search keeps (ef, search window)."""
        raise NotImplementedError

    def search(self, vector: Vectors) -> Sequence[int] | NDArray[np.integer]:
        """The ids of the K nearest."""
        raise NotImplementedError

    def close(self) -> None:
        """Releases everything."""
