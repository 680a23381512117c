"""Items to be written, in columns, and what must hold of each for all of them to be written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer.model.ids import Keys

OnExisting = Literal["replace", "skip", "fail"]
"""Where the id of an item exists, the item replaces what is stored, is left out, or nothing is written."""
REPLACE, SKIP, FAIL = 0, 1, 2
"""The same as numbers, in columns."""
NUMBER_OF: dict[OnExisting, int] = {"replace": REPLACE, "skip": SKIP, "fail": FAIL}
NO_MATCH, MATCH_ANY = -1, -2
"""In a column of LSNs: nothing is asked, or that the id exists."""


class ItemConditions(msgspec.Struct, frozen=True, eq=False):
    """One of each an item."""

    if_match: NDArray[np.int64]
    """An LSN after which the id must not have changed, or NO_MATCH, or MATCH_ANY."""
    on_existing: NDArray[np.uint8]
    """REPLACE, SKIP or FAIL."""


class Upserts(msgspec.Struct, frozen=True, eq=False):
    """Rows to be inserted, or to replace others, in order."""

    ids: Keys
    vectors: NDArray[np.float32]
    """[v, dim], finite: of the rows that have one, in their order."""
    payloads: Sequence[bytes | None] | None = None
    """None keeps what the id had, b"" clears it; no sequence at all keeps every one."""
    conditions: ItemConditions | None = None
    """None: each item is written whatever there is."""
    bare: NDArray[np.bool_] | None = None
    """Which rows have no vector; None: all have one."""
