"""What a collection is: as it was asked for, as it is, and as a list shows it."""

from __future__ import annotations

from typing import Any

import msgspec

from asteroid_cloud.api.service.checks import integer
from asteroid_cloud.api.service.texts import TextShown, asked_text, shown_text
from asteroid_cloud.indexer import IndexSpec, TextDefinition, checked_spec
from asteroid_cloud.indexer.catalog import CatalogEntry
from asteroid_cloud.wal.errors import Conflict, InvalidRequest


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """What a collection is, for good but for its text index."""

    name: str
    dim: int
    metric: str
    bits: int
    ids: str = "integer"
    vector: str = "required"
    text: TextShown | msgspec.UnsetType = msgspec.UNSET
    """Which fields are indexed as text; left out where none is. This may change."""


class CollectionInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A collection in a list: what it is, and how large."""

    name: str
    dim: int | None
    metric: str | None
    bits: int | None
    ids: str | None
    vector: str | None
    vectors: int | None
    """Rows that are alive; None where they cannot be counted."""
    bytes: int | None
    """What its log and its segments take on the disk."""
    error: str | None = None
    """Why it does not open, if so: the code of the error."""


class AskedDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants a collection to be, unchecked; what is left out may be anything."""

    dim: object = msgspec.UNSET
    metric: object = msgspec.UNSET
    bits: object = msgspec.UNSET
    ids: object = msgspec.UNSET
    vector: object = msgspec.UNSET
    text: object = msgspec.UNSET

    @property
    def asked_text(self) -> TextDefinition | None:
        """The text index that it asks for, None for none; raises InvalidRequest ``bad_text``."""
        return None if self.text is msgspec.UNSET or self.text is None else asked_text(self.text)

    def check_same_text(self, name: str, there: TextDefinition | None) -> None:
        """Compares the text index, if one is given, with that of a collection of this name.

        Raises Conflict ``collection_differs``.
        """
        if self.text is not msgspec.UNSET and self.asked_text != there:
            raise Conflict(f"the collection {name} has another text index", code="collection_differs")

    def checked(self) -> IndexSpec:
        """The index that it asks for, with defaults for what is left out.

        Raises InvalidRequest ``missing_field`` without ``dim``, and as ``checked_spec``.
        """
        if self.dim is msgspec.UNSET:
            raise InvalidRequest("dim is missing", code="missing_field")
        fields = _without_text(self).items()
        given = {field: value for field, value in fields if value is not msgspec.UNSET}
        for field in {"dim", "bits"} & given.keys():
            given[field] = integer(field, given[field])
        given.setdefault("metric", "l2")
        return checked_spec(**given)

    def check_same(self, there: Definition) -> None:
        """Compares the fields that are given with a collection.

        Raises Conflict ``collection_differs``, InvalidRequest as ``checked``.
        """
        msgspec.structs.replace(self, dim=there.dim if self.dim is msgspec.UNSET else self.dim).checked()
        for field, value in _without_text(self).items():
            found = getattr(there, field)
            if value is not msgspec.UNSET and _plain(value) != found:
                raise Conflict(
                    f"the collection {there.name} has {field} {found}, not {value!r:.40}",
                    code="collection_differs",
                )


def definition_of(name: str, spec: IndexSpec) -> Definition:
    """What a collection with such an index is."""
    made = spec.creation
    return Definition(
        name=name, dim=spec.dim, metric=spec.metric, bits=spec.bits, ids=made.ids, vector=made.vector
    )


def entry_of(id_: str, made: Definition) -> CatalogEntry:
    """How the catalog names it."""
    return CatalogEntry(id=id_, **_without_text(made))


def defined_by(entry: CatalogEntry) -> Definition:
    """What the catalog says that a collection is."""
    return Definition(
        name=entry.name,
        dim=entry.dim,
        metric=entry.metric,
        bits=entry.bits,
        ids=entry.ids,
        vector=entry.vector,
    )


def with_text(there: Definition, text: TextDefinition | None) -> Definition:
    """The same with the text index that it has now."""
    return there if text is None else msgspec.structs.replace(there, text=shown_text(text))


def _without_text(of: Definition | AskedDefinition) -> dict[str, Any]:
    """What is fixed for good: the catalog knows that, and each collection its text index."""
    fields = msgspec.structs.asdict(of)
    del fields["text"]
    return fields


def _plain(value: object) -> object:
    """A value as definitions hold it: names in lower case."""
    return value.lower() if isinstance(value, str) else value
