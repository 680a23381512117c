"""Checks a JSON value against a JSON Schema, as far as the API's own description uses them."""

from __future__ import annotations

import re
from typing import Any

KINDS: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}
SILENT = {"description", "title", "format", "default", "examples", "contentEncoding"}


def faults(value: object, schema: dict[str, Any], known: dict[str, Any], where: str = "$") -> list[str]:
    """Everything in which a value does not fit; ``known`` has the schemas that may be referred to."""
    found = []
    for word in schema:
        if word not in SILENT and word not in WORDS:
            raise AssertionError(f"this check does not know the word {word!r}")
    for word, rule in WORDS.items():
        if word in schema:
            found += rule(value, schema[word], schema, known, where)
    return found


def _ref(value: object, said: str, _: Any, known: dict[str, Any], where: str) -> list[str]:
    return faults(value, known[said.rpartition("/")[2]], known, where)


def _any(value: object, said: list[Any], _: Any, known: dict[str, Any], where: str) -> list[str]:
    tried = [faults(value, schema, known, where) for schema in said]
    return [] if [] in tried else [f"{where} fits none of {said}: {tried}"]


def _type(value: object, said: str, *rest: Any) -> list[str]:
    fits = isinstance(value, KINDS[said]) and (said == "boolean" or not isinstance(value, bool))
    return [] if fits else [f"{rest[-1]}: {value!r:.80} is no {said}"]


def _enum(value: object, said: list[Any], *rest: Any) -> list[str]:
    return [] if value in said else [f"{rest[-1]}: {value!r:.80} is not of {said}"]


def _least(value: Any, said: float, *rest: Any) -> list[str]:
    return [] if not isinstance(value, int | float) or value >= said else [f"{rest[-1]}: {value} < {said}"]


def _most(value: Any, said: float, *rest: Any) -> list[str]:
    return [] if not isinstance(value, int | float) or value <= said else [f"{rest[-1]}: {value} > {said}"]


def _pattern(value: object, said: str, *rest: Any) -> list[str]:
    fits = not isinstance(value, str) or re.search(said, value)
    return [] if fits else [f"{rest[-1]}: {value!r:.80} does not match {said}"]


def _items(value: object, said: Any, _: Any, known: dict[str, Any], where: str) -> list[str]:
    if not isinstance(value, list):
        return []
    return [fault for i, one in enumerate(value) for fault in faults(one, said, known, f"{where}[{i}]")]


def _short(value: object, said: int, *rest: Any) -> list[str]:
    return [f"{rest[-1]}: shorter than {said}"] if isinstance(value, str) and len(value) < said else []


def _long(value: object, said: int, *rest: Any) -> list[str]:
    return [f"{rest[-1]}: longer than {said}"] if isinstance(value, str) and len(value) > said else []


def _few(value: object, said: int, *rest: Any) -> list[str]:
    return [f"{rest[-1]}: fewer than {said}"] if isinstance(value, list) and len(value) < said else []


def _many(value: object, said: int, *rest: Any) -> list[str]:
    return [f"{rest[-1]}: more than {said}"] if isinstance(value, list) and len(value) > said else []


def _properties(value: object, said: Any, _: Any, known: dict[str, Any], where: str) -> list[str]:
    if not isinstance(value, dict):
        return []
    both = [name for name in said if name in value]
    return [fault for name in both for fault in faults(value[name], said[name], known, f"{where}.{name}")]


def _required(value: object, said: list[str], *rest: Any) -> list[str]:
    if not isinstance(value, dict):
        return []
    return [f"{rest[-1]}: {name} is missing" for name in said if name not in value]


def _additional(value: object, said: bool, schema: Any, _: Any, where: str) -> list[str]:
    if said or not isinstance(value, dict):
        return []
    return [f"{where}: {name} is not declared" for name in value if name not in schema["properties"]]


WORDS: dict[str, Any] = {
    "minLength": _short,
    "maxLength": _long,
    "$ref": _ref,
    "anyOf": _any,
    "type": _type,
    "enum": _enum,
    "minimum": _least,
    "maximum": _most,
    "pattern": _pattern,
    "items": _items,
    "minItems": _few,
    "maxItems": _many,
    "properties": _properties,
    "required": _required,
    "additionalProperties": _additional,
}
