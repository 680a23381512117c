"""The server as a whole: its collections, and what a key may do."""

from __future__ import annotations

from asteroid_cloud.client.results.answer import Answer


class Definition(Answer, frozen=True):
    """What a collection is, for good."""

    name: str
    dim: int
    metric: str
    bits: int
    ids: str = "integer"
    """What its ids are: "integer" or "string"."""
    vector: str = "required"
    """Whether each row needs a vector: "required" or "optional"."""
    text: dict[str, dict[str, dict[str, str]]] | None = None
    """Which fields are indexed as text: ``{"fields": {path: {"language"?: …}}}``; None where none is."""


class CollectionInfo(Answer, frozen=True):
    """A collection in a list: what it is, and how large; None for what is not known of a damaged one."""

    name: str
    dim: int | None
    metric: str | None
    bits: int | None
    ids: str | None = None
    vector: str | None = None
    vectors: int | None = None
    """Rows that are alive."""
    bytes: int | None = None
    """What its log and its segments take on the disk."""
    error: str | None = None
    """The code of what keeps it from opening, if anything does."""


class KeyInfo(Answer, frozen=True):
    """What a key may do."""

    name: str | None
    """None for a key without a name, and where no key is asked for."""
    role: str
    """Each of "read", "write" and "admin" may do what those before it may."""
    collections: list[str] | None
    """The collections or aliases that it is limited to; None for all."""
