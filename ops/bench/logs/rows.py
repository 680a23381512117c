"""The rows of the data set, encoded as the engine takes them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import msgspec
import numpy as np
from numpy.typing import NDArray

from ops.bench.data import Dataset, Vectors

Batch = tuple[NDArray[np.uint64], Vectors, list[bytes | None]]


def batches(dataset: Dataset, rows: int) -> Iterator[Batch]:
    """All rows in batches: ids, vectors and the texts of payloads."""
    items = dataset.items()
    while batch := list(islice(items, rows)):
        payloads = [None if payload is None else msgspec.json.encode(payload) for _, _, payload in batch]
        ids = np.array([id_ for id_, _, _ in batch], np.uint64)
        yield ids, np.stack([vector for _, vector, _ in batch]), payloads
