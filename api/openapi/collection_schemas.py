"""JSON Schemas of what the calls about collections and aliases take and answer."""

from __future__ import annotations

from asteroid_cloud.api.openapi.schema_words import (
    BITS,
    FLAG,
    METRIC,
    TEXT,
    Schema,
    about,
    answer,
    any_case,
    array,
    body,
    integer,
    nullable,
    ref,
)
from asteroid_cloud.indexer.catalog import NAME as COLLECTION_NAME
from asteroid_cloud.indexer.model import METRICS
from asteroid_cloud.wal.limits import DIM_MAX

IDS: Schema = about("What ids are, for good.", {"type": "string", "enum": ["integer", "string"]})
VECTOR_KIND: Schema = about(
    "Whether each row needs a vector.", {"type": "string", "enum": ["required", "optional"]}
)
DEFINITION = {
    "name": ref("CollectionName"),
    "dim": integer(1, DIM_MAX),
    "metric": METRIC,
    "bits": BITS,
    "ids": IDS,
    "vector": VECTOR_KIND,
}
UNKNOWN_IF_DAMAGED = {name: nullable(schema) for name, schema in DEFINITION.items() if name != "name"}
COLLECTIONS: dict[str, Schema] = {
    "CollectionName": {
        "type": "string",
        "pattern": f"^{COLLECTION_NAME.pattern}$",
        "description": "The name of a collection or of an alias.",
    },
    "CollectionBody": about(
        "What is left out has its default, or is as it is in a collection that is there already.",
        body(
            [],
            dim=about("Needed where there is no such collection yet.", integer(1, DIM_MAX)),
            metric=about(f"One of {', '.join(METRICS)}, in any case.", TEXT | {"pattern": any_case(METRICS)}),
            bits=BITS,
            ids=IDS,
            vector=VECTOR_KIND,
            text=ref("TextDefinition"),
        ),
    ),
    "AliasBody": body(["collection"], collection=ref("CollectionName")),
    "Definition": answer([*DEFINITION], **DEFINITION, text=ref("TextDefinition")),
    "Collections": answer(["collections"], collections=array(ref("CollectionInfo"))),
    "CollectionInfo": answer(
        [*DEFINITION, "vectors", "bytes"],
        name=ref("CollectionName"),
        **UNKNOWN_IF_DAMAGED,
        vectors=about("Rows that are alive; null where they cannot be counted.", nullable(integer(0))),
        bytes=about("What its log and its segments take on the disk.", nullable(integer(0))),
        error=about("The code of what keeps it from opening, if anything does.", nullable(TEXT)),
    ),
    "CollectionDeleted": answer(["deleted"], deleted=about("Whether there was one.", FLAG)),
    "Alias": answer(["alias", "collection"], alias=ref("CollectionName"), collection=ref("CollectionName")),
    "Aliases": answer(["aliases"], aliases=array(ref("Alias"))),
    "AliasDeleted": answer(["deleted"], deleted=about("Whether there was one.", FLAG)),
}
"""By name."""
