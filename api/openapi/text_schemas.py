"""JSON Schemas of texts: which fields are indexed, and which words to look for."""

from __future__ import annotations

from asteroid_cloud.api.openapi.schema_words import (
    FLAG,
    NUMBER,
    TEXT,
    Schema,
    about,
    answer,
    array,
    body,
    integer,
    nullable,
    ref,
)
from asteroid_cloud.indexer import LANGUAGES
from asteroid_cloud.query.limits import FIELDS_MAX

LANGUAGE: Schema = about(
    "Words are compared by their stems in this language (Snowball); absent: as they are, without case.",
    {"type": "string", "enum": list(LANGUAGES)},
)
FIELDS: Schema = about(
    "By path. A string there, or the strings of an array, which are one field.",
    {"type": "object", "additionalProperties": body([], language=nullable(LANGUAGE))},
)
TEXTS: dict[str, Schema] = {
    "TextBody": body(["fields"], fields=FIELDS),
    "TextDefinition": about("The fields that are indexed as text.", body(["fields"], fields=FIELDS)),
    "TextInfo": answer(
        ["fields", "rows", "indexed", "lsn"],
        fields=FIELDS,
        rows=about("Rows in segments.", integer(0)),
        indexed=about("Of these, those whose words are found already.", integer(0)),
        lsn=ref("Lsn"),
    ),
    "TextSet": answer(["fields", "lsn"], fields=FIELDS, lsn=ref("Lsn")),
    "TextDeleted": answer(["deleted", "lsn"], deleted=about("Whether there was one.", FLAG), lsn=ref("Lsn")),
    "TextQuery": nullable(
        {
            "description": "What to look for in the fields that are indexed as text: words, or an object.",
            "anyOf": [
                TEXT,
                body(
                    ["query"],
                    query=TEXT,
                    fields=about("Only in these; null for all.", nullable(array(TEXT, FIELDS_MAX))),
                    operator=about(
                        "Each word in some field, or one of them.",
                        {"type": "string", "enum": ["or", "and"], "default": "or"},
                    ),
                    phrase=about("One word after the other in one field.", FLAG | {"default": False}),
                ),
            ],
        }
    ),
    "Fusion": nullable(
        about(
            "How the order by distance and the one by words become one: Σ weight / (k + rank).",
            body(
                [],
                method={"type": "string", "enum": ["rrf"], "default": "rrf"},
                k=NUMBER | {"exclusiveMinimum": 0, "default": 60},
                weights=about("Of the vector and of the text.", array(NUMBER, 2, least=2)),
            ),
        )
    ),
}
"""By name."""
