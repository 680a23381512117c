"""What a feed gives out: one change, or a piece of it."""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from asteroid_cloud.indexer.model.ids import Keys
from asteroid_cloud.wal import Lsn

ChangeKind = Literal[
    "create_index",
    "delete_index",
    "upsert",
    "delete",
    "set_payload",
    "merge_payload",
    "set_fields",
    "bulk_load",
]
LINE_BYTES = 64
"""What one change takes in memory beside its ids, payloads and vectors."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One record, or a piece of it; all pieces have its LSN, and all but the last say ``more``."""

    lsn: Lsn
    time_ms: int
    """When it was logged, in milliseconds since 1970, by the server's clock."""
    kind: ChangeKind
    ids: Keys | None = None
    """uint64, or objects that are each a str."""
    payloads: list[bytes | None] | None = None
    """For each id: None keeps the payload, b"" clears it; of ``merge_payload`` the merge-patch.

    Of ``set_fields`` the fields that were set, after what lies at the paths of ``unset`` was removed."""
    unset: list[list[str]] | None = None
    vectors: NDArray[np.float32] | None = None
    """As they were given, [n, dim]; not normalised, not quantised."""
    bare: NDArray[np.bool_] | None = None
    """Which of these rows have no vector, but zeros in its place; None: all have one."""
    dim: int | None = None
    metric: str | None = None
    bits: int | None = None
    id_kind: str | None = None
    """Of an index whose ids are strings: "string"."""
    vector: str | None = None
    """Of one whose rows need no vector: "optional"."""
    rows: int | None = None
    """Of a bulk load, whose ids are 0 … rows - 1."""
    more: bool = False


class FeedParts(msgspec.Struct, frozen=True):
    """What changes carry beside their ids."""

    payloads: bool = False
    vectors: bool = False
