"""One collection in the catalog: its name, its folder, and what its index is."""

from __future__ import annotations

import re
import secrets

import msgspec

from asteroid_cloud.wal.errors import InvalidRequest

ID = re.compile(r"[0-9a-f]{16}")
ID_BYTES = 8


class CatalogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A collection, by which it can be found and described without being opened."""

    name: str
    id: str
    """The name of its folder: sixteen hexadecimal digits, drawn at random and never used again."""
    dim: int
    metric: str
    bits: int
    ids: str = "integer"
    """What its ids are: "integer" or "string"."""
    vector: str = "required"
    """Whether each row has a vector: "required" or "optional"."""


def new_id() -> str:
    """An id that no collection has had."""
    return secrets.token_hex(ID_BYTES)


def checked_id(id_: str) -> str:
    """An id, which becomes part of a path; raises InvalidRequest for anything else."""
    if ID.fullmatch(id_) is None:
        raise InvalidRequest(f"{id_!r:.80} is not the id of a collection")
    return id_
