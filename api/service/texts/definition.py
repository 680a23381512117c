"""Which fields are indexed as text: as callers say it, and as they are told."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from asteroid_cloud.api.service.texts.given import checked_object
from asteroid_cloud.indexer import TextDefinition, TextProgress, checked_text
from asteroid_cloud.query import field_path, path_text
from asteroid_cloud.wal.errors import Conflict, InvalidRequest

TextShown = dict[str, dict[str, dict[str, str]]]
"""``{"fields": {"gloss": {"language": "english"}, "title": {}}}``."""


class TextInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Which fields are indexed as text, and how far that is."""

    fields: dict[str, dict[str, str]]
    """By path, each with its ``language``, if it has one."""
    rows: int
    """Rows in segments; newer ones are indexed as they are searched."""
    indexed: int
    """Of these, those whose words are found; searches by text wait until it is all of them."""
    lsn: int = 0


def asked_text(value: object) -> TextDefinition:
    """The definition that somebody asks for; raises InvalidRequest ``bad_text``."""
    given = checked_object(value, "text", frozenset({"fields"}), "bad_text")
    fields = given.get("fields")
    if not isinstance(fields, Mapping):
        raise InvalidRequest("text.fields must be an object with a field for each path", code="bad_text")
    named = []
    for path, options in fields.items():
        about = checked_object(options, f"text.fields.{path!s:.80}", frozenset({"language"}), "bad_text")
        language = about.get("language")
        if language is not None and not isinstance(language, str):
            raise InvalidRequest("language must be a text", code="bad_text")
        named.append((field_path(path, "a text field", code="bad_text"), language))
    return checked_text(named)


def shown_text(text: TextDefinition) -> TextShown:
    """A definition as callers give it."""
    fields = {path_text(each.path): _options(each.language) for each in text.fields}
    return {"fields": fields}


def text_info(text: TextDefinition | None, progress: TextProgress | None, lsn: int) -> TextInfo:
    """What there is; raises Conflict ``no_text_index``."""
    if text is None or progress is None:
        raise Conflict("no field is indexed as text", code="no_text_index")
    fields = shown_text(text)["fields"]
    return TextInfo(fields=fields, rows=progress.rows, indexed=progress.indexed, lsn=lsn)


def _options(language: str) -> dict[str, str]:
    return {"language": language} if language else {}
