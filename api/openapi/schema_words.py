"""The words that schemas are written in, and the kinds of value that many have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from asteroid_cloud.indexer.model import METRICS

Schema = dict[str, Any]

REF = "#/components/schemas/"


def ref(name: str) -> Schema:
    """A reference to one of the schemas of the document."""
    return {"$ref": REF + name}


def integer(minimum: int, maximum: int | None = None, **more: object) -> Schema:
    """A whole number within bounds."""
    bounds = {"minimum": minimum} | ({} if maximum is None else {"maximum": maximum})
    return {"type": "integer"} | bounds | more


def array(items: Schema, most: int | None = None, least: int = 0) -> Schema:
    """A list of so many items."""
    return {"type": "array", "items": items, "minItems": least} | ({} if most is None else {"maxItems": most})


def body(required: list[str], **properties: Schema) -> Schema:
    """A request's object, which has no other fields than these."""
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def answer(required: list[str], **properties: Schema) -> Schema:
    """An answer's object; a later version may have more fields."""
    return {"type": "object", "properties": properties, "required": required}


def nullable(schema: Schema) -> Schema:
    """That, or null, which stands for a field left out."""
    return {"anyOf": [schema, {"type": "null"}]}


def about(text: str, schema: Schema) -> Schema:
    """A schema with a sentence on it."""
    return schema | {"description": text}


def default(struct: type[msgspec.Struct], name: str, schema: Schema) -> Schema:
    """A schema with the default that the struct has for the field."""
    (found,) = (field.default for field in msgspec.structs.fields(struct) if field.name == name)
    return schema | {"default": found}


def any_case(words: Iterable[str]) -> str:
    """A pattern for these words in any case of their letters."""
    patterns = ["".join(f"[{c}{c.upper()}]" if c.isalpha() else c for c in word) for word in words]
    return f"^({'|'.join(patterns)})$"


NUMBER: Schema = {"type": "number"}
FLOAT32_MAX = 3.4028234663852886e38
FLOAT32: Schema = {"type": "number", "format": "float", "minimum": -FLOAT32_MAX, "maximum": FLOAT32_MAX}
TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
METRIC: Schema = {"type": "string", "enum": [*METRICS]}
BITS: Schema = {"type": "integer", "enum": [8, 16]}
