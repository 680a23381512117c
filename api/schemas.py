"""JSON Schemas of what goes in and out, for the API's own description.

The requests' are written out because their structs leave many a field open, to refuse it with a code of
its own; a test keeps both in step.
"""

from __future__ import annotations

from typing import Any

import msgspec

from asteroid_cloud.api.results import BulkReport, Stats
from asteroid_cloud.query import Explain
from asteroid_cloud.wal.limits import (
    BATCH_ITEMS_MAX,
    DELETE_IDS_MAX,
    DIM_MAX,
    EF_SEARCH_DEFAULT,
    EF_SEARCH_MAX,
    FETCH_IDS_MAX,
    ID_MAX,
    K_MAX,
    OFFSET_MAX,
    SCROLL_LIMIT_MAX,
    SEARCHES_MAX,
)

Schema = dict[str, Any]

REF = "#/components/schemas/"


def ref(name: str) -> Schema:
    """A reference to one of the schemas below."""
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


NUMBER: Schema = {"type": "number"}
FLOAT32_MAX = 3.4028234663852886e38
FLOAT32: Schema = {"type": "number", "format": "float", "minimum": -FLOAT32_MAX, "maximum": FLOAT32_MAX}
TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
METRIC: Schema = {"type": "string", "enum": ["l2", "cosine", "ip"]}
INCLUDE = nullable(array({"type": "string", "enum": ["payload", "vector"]}))
MIN_LSN = nullable(
    about("Wait until reads cover this LSN; 503 not_caught_up after a while.", integer(0, 2**63 - 1))
)

PARTS: dict[str, Schema] = {
    "Id": integer(0, ID_MAX, format="uint64"),
    "IdIn": {
        "anyOf": [ref("Id"), {"type": "string", "pattern": "^(0|[1-9][0-9]{0,19})$"}],
        "description": "An id, also as decimal text, for readers whose numbers are not exact beyond 2^53.",
    },
    "Vector": about(
        "As many finite float32 numbers as the index's dimension.", array(FLOAT32, DIM_MAX, least=1)
    ),
    "Payload": {"type": "object", "description": "Any JSON object of at most 65,536 bytes."},
    "Filter": {
        "type": "object",
        "description": "A condition on payloads: $eq $ne $gt $gte $lt $lte $in $nin $contains_any "
        "$contains_all $exists $and $or $not $nor; a bare value means $eq, {} matches all.",
        "examples": [{"$and": [{"category": "docs"}, {"year": {"$gte": 2026}}]}],
    },
    "Lsn": about("The number of the log's record that made this so.", integer(0, format="uint64")),
    "Error": answer(["error", "code"], error=about("One clear sentence.", TEXT), code=TEXT),
}
REQUESTS: dict[str, Schema] = {
    "IndexBody": body(
        ["dim"],
        dim=integer(1, DIM_MAX),
        metric=about(
            "l2 (default), cosine or ip, in any case.",
            TEXT | {"pattern": "^([lL]2|[cC][oO][sS][iI][nN][eE]|[iI][pP])$"},
        ),
    ),
    "InsertBody": body(["id", "vector"], id=ref("IdIn"), vector=ref("Vector"), metadata=ref("Payload")),
    "VectorBody": body(["vector"], vector=ref("Vector"), metadata=ref("Payload")),
    "BatchBody": body(["items"], items=array(ref("InsertBody"), BATCH_ITEMS_MAX, least=1)),
    "SearchBody": body(
        [],
        vector=nullable(ref("Vector")),
        id=about("In the vector's place: more like this one.", nullable(ref("IdIn"))),
        k=integer(1, K_MAX, default=10),
        ef_search=about(
            "More finds better and takes longer.",
            nullable(integer(1, EF_SEARCH_MAX, default=EF_SEARCH_DEFAULT)),
        ),
        filter=ref("Filter"),
        include=INCLUDE,
        exact=about("Compare with every vector.", FLAG),
        offset=integer(0, OFFSET_MAX, default=0),
        max_distance=nullable(NUMBER),
        min_lsn=MIN_LSN,
        explain=about("Say how it was searched.", FLAG),
        max_scan_candidates=about("Accepted without effect.", {}),
    ),
    "SearchBatchBody": body(["searches"], searches=array(ref("SearchBody"), SEARCHES_MAX), min_lsn=MIN_LSN),
    "FetchBody": body(["ids"], ids=array(ref("IdIn"), FETCH_IDS_MAX), include=INCLUDE, min_lsn=MIN_LSN),
    "DeleteBody": about(
        "Either ids or a filter.",
        body([], ids=nullable(array(ref("IdIn"), DELETE_IDS_MAX)), filter=ref("Filter")),
    ),
    "ScrollBody": body(
        [],
        limit=integer(1, SCROLL_LIMIT_MAX, default=1000),
        filter=ref("Filter"),
        cursor=about("From the page before; null for the first.", nullable(TEXT)),
        include=INCLUDE,
        min_lsn=MIN_LSN,
    ),
    "CountBody": body([], filter=ref("Filter"), min_lsn=MIN_LSN),
}
INDEX = {
    "initialized": FLAG,
    "dim": nullable(integer(1, DIM_MAX)),
    "metric": nullable(METRIC),
}
ROW = {"id": ref("Id"), "vector": ref("Vector"), "payload": ref("Payload")}
ANSWERS: dict[str, Schema] = {
    "Status": answer(["status"], status={"type": "string", "enum": ["ok"]}),
    "Index": answer([*INDEX], **INDEX),
    "IndexCreated": answer([*INDEX, "lsn"], **INDEX, lsn=ref("Lsn")),
    "IndexDeleted": answer(["initialized", "lsn"], initialized=FLAG, lsn=ref("Lsn")),
    "Written": answer(["id", "lsn"], id=ref("Id"), lsn=ref("Lsn")),
    "Inserted": answer(["inserted", "lsn"], inserted=integer(1), lsn=ref("Lsn")),
    "Deleted": answer(["deleted", "lsn"], deleted=integer(0), lsn=ref("Lsn")),
    "Counted": answer(["count"], count=integer(0)),
    "Row": answer(["id"], **ROW),
    "Rows": answer(["vectors"], vectors=array(ref("Row"))),
    "Page": answer(["vectors", "cursor"], vectors=array(ref("Row")), cursor=nullable(TEXT)),
    "Hit": answer(["id", "distance"], distance=NUMBER, **ROW),
    "Hits": answer(["results"], results=array(ref("Hit")), explain=ref("Explain")),
    "HitsOfMany": answer(["results"], results=array(ref("Hits"))),
}


def components() -> dict[str, Schema]:
    """All schemas by name."""
    _, derived = msgspec.json.schema_components([Stats, BulkReport, Explain], ref_template=REF + "{name}")
    return PARTS | REQUESTS | ANSWERS | derived
