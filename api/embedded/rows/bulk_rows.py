"""The rows of a bulk build: an array, a list of rows, or a file that is mapped into memory."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.api.service.checks import Vector, float32_rows
from asteroid_cloud.wal.errors import InvalidRequest

Vectors = NDArray[Any] | Sequence[Vector] | str | PathLike[str]


def rows_of(vectors: Vectors, dim: int) -> NDArray[Any]:
    """The vectors as a two-dimensional array, mapped rather than read when they are a file."""
    if isinstance(vectors, str | PathLike):
        return _mapped(Path(vectors), dim)
    rows = vectors if isinstance(vectors, np.ndarray) and vectors.ndim == 2 else float32_rows(vectors)
    if len(rows) == 0:
        raise InvalidRequest("there are no vectors to build from", code="bad_payload")
    return rows


def _mapped(path: Path, dim: int) -> NDArray[Any]:
    try:
        if path.suffix == ".npy":
            rows: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        else:
            rows = np.memmap(path, "<f4", "r")
            rows = rows.reshape(-1, dim)
    except (OSError, ValueError) as error:
        raise InvalidRequest(f"{path} does not hold rows of numbers: {error}", code="bad_file") from error
    if rows.ndim != 2 or len(rows) == 0:
        raise InvalidRequest(f"{path} must hold rows of numbers, not {rows.shape}", code="bad_file")
    return rows
