"""What a store should hold, and its digest counted a second time from what was sent."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import msgspec
import numpy as np

from asteroid_cloud.indexer.model.spec import checked_spec
from tests.support.write_model import WriteModel

DIM = 4
Rows = dict[Any, tuple[bytes, bytes]]
"""Id to float32 vector, nothing for a row without one, and payload text."""
Tags = tuple[tuple[str, int, str], ...]
"""Each tag's name, the rows it stands for and their digest."""
Contents = tuple[bool, int, str, Tags]
"""Whether there is an index, its rows, their digest; and the tags."""


def _digested(id_: int | str) -> bytes:
    if isinstance(id_, int):
        return id_.to_bytes(8, "little")
    return len(id_.encode()).to_bytes(8, "little") + id_.encode()


class Stored:
    """What a store should hold."""

    def __init__(self, rows: Rows | None, tags: Tags = ()) -> None:
        self.rows = rows
        self.tags = tags

    def with_rows(self, changes: dict[int, tuple[bytes, bytes] | None]) -> Stored:
        """The same after some ids got other rows, or none."""
        rows = {**(self.rows or {}), **changes}
        return Stored({id_: row for id_, row in rows.items() if row is not None}, self.tags)

    def with_tag(self, name: str) -> Stored:
        """The same with one more tag, which names what it holds."""
        _, rows, digest, tags = self.contents()
        return Stored(self.rows, tuple(sorted([*tags, (name, rows, digest)])))

    def without_tags(self) -> Stored:
        """The same after a purge, or after the only tag was removed."""
        return Stored(self.rows)

    def with_payload(self, id_: int, change: Callable[[bytes], bytes]) -> Stored:
        """The same after one row got another payload; an id that is absent gets none."""
        if id_ not in (self.rows or {}):
            return self
        vector, old = (self.rows or {})[id_]
        return self.with_rows({id_: (vector, change(old))})

    def contents(self) -> Contents:
        """The digest is counted as a store counts it, from the vectors and payloads that were sent."""
        if not self.rows:
            return self.rows is not None, 0, f"{0:032x}", self.tags
        drawn = np.frombuffer(b"".join(vector for vector, _ in self.rows.values()), np.float32)
        records = iter(checked_spec(DIM, "l2").encode(drawn.reshape(-1, DIM)))
        total = 0
        for id_, (vector, payload) in self.rows.items():
            record = next(records).tobytes() if vector else b""
            row = blake2b(_digested(id_) + record + payload, digest_size=16)
            total += int.from_bytes(row.digest(), "little")
        return True, len(self.rows), f"{total % 2**128:032x}", self.tags


def model_of(stored: Stored) -> WriteModel:
    """The same for writes that look at what is there; vectors are bytes, in a tuple."""
    model = WriteModel()
    model.rows = {
        id_: (tuple(vector), msgspec.json.decode(text) if text else {})
        for id_, (vector, text) in (stored.rows or {}).items()
    }
    return model


def stored_of(stored: Stored, model: WriteModel) -> Stored:
    """What the store holds after such a write."""
    rows = {
        id_: (bytes(map(int, vector)), msgspec.json.encode(payload) if payload else b"")
        for id_, (vector, payload) in model.rows.items()
    }
    return Stored(rows, stored.tags)
