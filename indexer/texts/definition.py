"""Which fields of payloads are indexed as text, and how their words are found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from asteroid_cloud.indexer.native import core
from asteroid_cloud.wal.errors import CorruptionError, InvalidRequest
from asteroid_cloud.wal.format import TextDefined

LANGUAGES: tuple[str, ...] = tuple(core.TEXT_LANGUAGES)
"""Those that words can be stemmed in."""
FIELDS_MAX = core.TEXT_FIELDS_MAX
"""Fields of one collection that are indexed as text."""
PATH_NAMES_MAX = 8
"""Names in the path of such a field, as in one that has a column."""


class TextField(msgspec.Struct, frozen=True, array_like=True):
    """One field."""

    path: tuple[str, ...]
    """The names that lead to it."""
    language: str = ""
    """The language that its words are stemmed in; "" for none."""


class TextDefinition(msgspec.Struct, frozen=True):
    """The fields that are indexed, by their paths."""

    fields: tuple[TextField, ...]

    @classmethod
    def of(cls, event: TextDefined) -> TextDefinition | None:
        """What a record defines; None for no index."""
        fields = tuple(TextField(tuple(path), language) for path, language in event.fields)
        return cls(fields) if fields else None

    @property
    def event(self) -> TextDefined:
        """The event that defines it."""
        return TextDefined([(list(field.path), field.language) for field in self.fields])

    @property
    def native(self) -> list[tuple[list[str], str]]:
        """The fields as the native core takes them."""
        return [(list(field.path), field.language) for field in self.fields]

    @property
    def places(self) -> dict[tuple[str, ...], int]:
        """The number of each field, by its path."""
        return {field.path: number for number, field in enumerate(self.fields)}


NO_TEXT = TextDefined([])
"""The event that removes the index."""


def path_label(path: Sequence[str]) -> str:
    """A path as messages name it."""
    return ".".join(path)


@contextmanager
def damage_in_text() -> Iterator[None]:
    """Names damage that the native core finds in a text index which was sound when it was opened."""
    try:
        yield
    except core.DamagedSegment as damage:
        raise CorruptionError("the text index of a segment", 0, str(damage)) from damage


def checked_text(fields: Sequence[tuple[tuple[str, ...], str | None]]) -> TextDefinition:
    """A definition whose parts are within the contract; raises InvalidRequest ``bad_text``."""
    if not 1 <= len(fields) <= FIELDS_MAX:
        raise _bad(f"text.fields must have from 1 to {FIELDS_MAX} fields", limit=FIELDS_MAX)
    found = {}
    for path, language in fields:
        if not 1 <= len(path) <= PATH_NAMES_MAX:
            raise _bad(f"the path of a text field has from 1 to {PATH_NAMES_MAX} names")
        if path in found:
            raise _bad("a text field is named twice")
        if language is not None and language not in LANGUAGES:
            raise _bad(f"language must be one of {', '.join(LANGUAGES)}")
        found[path] = language or ""
    return TextDefinition(tuple(TextField(path, found[path]) for path in sorted(found)))


def _bad(message: str, **details: Any) -> InvalidRequest:
    return InvalidRequest(message, code="bad_text", **details)
