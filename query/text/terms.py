"""The terms that the native core looks for: each word of a query in each field, analysed as the field is."""

from __future__ import annotations

from typing import Any

import msgspec

from asteroid_cloud.indexer import TextDefinition, path_label
from asteroid_cloud.indexer.native import core
from asteroid_cloud.query.limits import TEXT_WORDS_MAX
from asteroid_cloud.query.text.request import TextQuery
from asteroid_cloud.wal.errors import InvalidRequest


class Terms(msgspec.Struct, frozen=True):
    """A query as the native core takes it."""

    words: list[str]
    """As the default analyser finds them, in their order."""
    terms: list[tuple[bytes, int, int, float]]
    """(name, field, number of the different word, how often the query has it); the name is the field's number
    as one byte, then the word or its stem."""
    phrases: list[list[tuple[bytes, int]]]
    """For each field the names in their order, with their places; empty unless a phrase is looked for."""
    fields: int
    """How many fields are looked in."""


def terms_of(definition: TextDefinition, text: TextQuery) -> Terms:
    """The terms of a query; raises InvalidRequest ``bad_text`` for a field that is not indexed."""
    fields = _fields(definition, text)
    query = text.query.encode()
    words = core.words(query)
    if len(words) > TEXT_WORDS_MAX:
        reason = f"text.query has {len(words)} words, more than {TEXT_WORDS_MAX}"
        raise InvalidRequest(reason, code="bad_text", limit=TEXT_WORDS_MAX)
    numbers = {word: number for number, word in enumerate(dict.fromkeys(words))}
    weights = dict.fromkeys(numbers, 0.0)
    for word in words:
        weights[word] += 1
    terms, phrases = [], []
    for field in fields:
        stems = core.words(query, definition.fields[field].language)
        names = [bytes([field]) + stem for stem in stems]
        of_word = dict(zip(words, names, strict=True))
        terms += [(name, field, numbers[word], weights[word]) for word, name in of_word.items()]
        if text.is_phrase and names:
            phrases.append([(name, place) for place, name in enumerate(names)])
    return Terms([word.decode() for word in words], terms, phrases, len(fields))


def _fields(definition: TextDefinition, text: TextQuery) -> list[int]:
    places = definition.places
    if text.fields is None:
        return list(places.values())
    found: dict[int, Any] = {}
    for path in text.fields:
        if path not in places:
            raise InvalidRequest(f"{path_label(path)} is no field that is indexed as text", code="bad_text")
        found[places[path]] = None
    return list(found)
