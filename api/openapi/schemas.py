"""JSON Schemas of what goes in and out, for the API's own description.

The requests' are written out because their structs leave many a field open, to refuse it with a code of
its own; the defaults are the structs', and a test keeps both in step.
"""

from __future__ import annotations

from typing import get_args

import msgspec

from asteroid_cloud.api.limits import DELETE_IDS_MAX, FETCH_IDS_MAX, FLUSH_WAIT_S_MAX, PATCH_IDS_MAX
from asteroid_cloud.api.openapi.collection_schemas import COLLECTIONS
from asteroid_cloud.api.openapi.schema_words import (
    BITS,
    FLAG,
    FLOAT32,
    METRIC,
    NUMBER,
    REF,
    TEXT,
    Schema,
    about,
    answer,
    any_case,
    array,
    body,
    default,
    integer,
    nullable,
    ref,
)
from asteroid_cloud.api.openapi.search_schemas import EF_SEARCH, FIELD, FIELDS, FORMAT, MIN_LSN, ROW, SEARCHES
from asteroid_cloud.api.openapi.text_schemas import TEXTS
from asteroid_cloud.api.openapi.write_schemas import WRITES
from asteroid_cloud.api.service.access.grants import ROLES
from asteroid_cloud.api.service.backups import NAME, Backup
from asteroid_cloud.api.service.checks import INCLUDABLE
from asteroid_cloud.api.service.ids import DECIMAL
from asteroid_cloud.api.service.results import BulkReport, Stats
from asteroid_cloud.api.wire import requests as wire
from asteroid_cloud.indexer import BackupReport, PurgeReport, Recovery, TagInfo
from asteroid_cloud.indexer.feed import ChangeKind
from asteroid_cloud.indexer.history import NAME as TAG
from asteroid_cloud.indexer.limits import BATCH_ITEMS_MAX
from asteroid_cloud.indexer.model import METRICS
from asteroid_cloud.query import Explain, Facets, FieldInfo, FieldRange, Recall
from asteroid_cloud.query.limits import (
    FACET_CONTAINS_BYTES_MAX,
    FACET_LIMIT_MAX,
    FACET_VALUES_MAX,
    FILTER_BYTES_MAX,
    FILTER_DEPTH_MAX,
    K_MAX,
    RECALL_ROWS_MAX,
    SCROLL_LIMIT_MAX,
)
from asteroid_cloud.wal import LSN_MAX
from asteroid_cloud.wal.limits import (
    DIM_MAX,
    ID_BYTES_MAX,
    ID_MAX,
    PAYLOAD_BYTES_DEFAULT,
    PAYLOAD_BYTES_MAX,
    PAYLOAD_DEPTH_MAX,
)

INCLUDE = nullable(array({"type": "string", "enum": sorted(INCLUDABLE)}))
ANY_NAME: Schema = {"type": "string", "minLength": 1, "maxLength": ID_BYTES_MAX}

OPTIONAL_VECTOR = about("Null or absent only where vectors are optional.", nullable(ref("Vector")))

PARTS: dict[str, Schema] = {
    "Id": {
        "anyOf": [integer(0, ID_MAX, format="uint64"), ANY_NAME],
        "description": "An integer, or in an index whose ids are strings a string of 1 to 512 bytes.",
    },
    "IdIn": {
        "anyOf": [integer(0, ID_MAX, format="uint64"), ANY_NAME],
        "description": (
            "An id. Integers may come as decimal text, for readers whose numbers are not exact beyond 2^53: "
            f"`{DECIMAL.pattern}`. Where ids are strings, a string of 1 to 512 bytes in UTF-8."
        ),
    },
    "Vector": {
        "anyOf": [array(FLOAT32, DIM_MAX, least=1), {"type": "string", "contentEncoding": "base64"}],
        "description": "As many finite float32 numbers as the index's dimension: a list, or base64 of them, "
        "little end first. Answers have lists unless `vector_format` asks for base64.",
    },
    "Payload": {
        "type": "object",
        "description": f"Any JSON object of at most {PAYLOAD_BYTES_DEFAULT:,} bytes, or as many as the "
        f"server's setting payload_bytes_max says, at most {PAYLOAD_BYTES_MAX:,}; and of at most "
        f"{PAYLOAD_DEPTH_MAX} levels.",
    },
    "Filter": {
        "type": "object",
        "description": f"A condition on payloads, of at most {FILTER_BYTES_MAX:,} bytes and "
        f"{FILTER_DEPTH_MAX} levels: $eq $ne $gt $gte $lt $lte $in $nin $contains_any "
        "$contains_all $exists $prefix $ieq $contains_text $phrase $icontains $regex "
        "$size $at $after $on_or_after $before $on_or_before $and $or $not $nor; a bare value means $eq, "
        "{} matches all.",
        "examples": [{"$and": [{"category": "docs"}, {"year": {"$gte": 2026}}]}],
    },
    "OnExisting": about(
        "What is to happen where the id exists: replace it (if nothing is said), skip the item, or fail with "
        "409 id_exists and write nothing.",
        {"type": "string", "enum": ["replace", "skip", "fail"]},
    ),
    "Lsn": about("The number of the log's record that made this so.", integer(0, LSN_MAX, format="int64")),
    "ErrorAnswer": answer(
        ["error", "code"],
        error=about("One clear sentence.", TEXT),
        code=about("Stable: a client may branch on it.", TEXT),
        index=about("Which item or search is at fault, from 0.", integer(0)),
        reason=about("The code of what is wrong with the item at index.", TEXT),
        inserted=about("What a batch that failed midway has written.", integer(0)),
        deleted=about("How many a delete that failed midway has deleted.", integer(0)),
        patched=about("How many payloads a merge that failed midway has changed.", integer(0)),
        id=about("The vector at fault.", ref("Id")),
        failed_index=about("The first item that was not written.", integer(0)),
        phase=about("What a server that is not ready is at.", TEXT),
        progress=about("How far it is, from 0 to 1.", NUMBER),
        eta_s=about("How many seconds it will still take, at the pace until now.", NUMBER),
        limit=about("The bound that was passed.", integer(0)),
        request_id=about("Names an internal error in the server's log.", TEXT),
    ),
}
BACKUP_NAME = f"^{NAME.pattern}$"
TAG_NAME = f"^{TAG.pattern}$"
REQUESTS: dict[str, Schema] = {
    "IndexBody": body(
        ["dim"],
        dim=integer(1, DIM_MAX),
        metric=about(
            f"One of {', '.join(METRICS)}, in any case.",
            default(wire.IndexBody, "metric", TEXT | {"pattern": any_case(METRICS)}),
        ),
        bits=about(
            "Bits that each value is kept in: 16 has float32's recall, 8 takes half the disk.",
            default(wire.IndexBody, "bits", BITS),
        ),
    ),
    "InsertBody": body(
        ["id"],
        id=ref("IdIn"),
        vector=OPTIONAL_VECTOR,
        metadata=ref("Payload"),
        on_existing=nullable(ref("OnExisting")),
    ),
    "VectorBody": body(
        [], vector=OPTIONAL_VECTOR, metadata=ref("Payload"), on_existing=nullable(ref("OnExisting"))
    ),
    "Item": body(
        ["id", "vector"],
        id=ref("IdIn"),
        vector=ref("Vector"),
        metadata=ref("Payload"),
        on_existing=ref("OnExisting"),
        if_match=about(
            'An LSN after which the id must not have changed, or "*" for an id that must exist.',
            {"anyOf": [ref("Lsn"), {"type": "string", "enum": ["*"]}]},
        ),
    ),
    "BatchBody": body(
        ["items"], items=array(ref("Item"), BATCH_ITEMS_MAX, least=1), on_existing=ref("OnExisting")
    ),
    "FetchBody": body(
        ["ids"],
        ids=array(ref("IdIn"), FETCH_IDS_MAX),
        include=INCLUDE,
        fields=FIELDS,
        vector_format=FORMAT,
        min_lsn=MIN_LSN,
    ),
    "DeleteBody": about(
        "Either ids or a filter.",
        body([], ids=nullable(array(ref("IdIn"), DELETE_IDS_MAX)), filter=ref("Filter")),
    ),
    "PatchBody": about(
        "Either ids or a filter, and what to merge into the payloads.",
        body(
            ["patch"],
            patch=ref("Payload"),
            ids=nullable(array(ref("IdIn"), PATCH_IDS_MAX)),
            filter=ref("Filter"),
        ),
    ),
    "ScrollBody": body(
        [],
        limit=default(wire.ScrollBody, "limit", integer(1, SCROLL_LIMIT_MAX)),
        filter=ref("Filter"),
        cursor=about("From the page before; null for the first.", nullable(TEXT)),
        order_by=about(
            "The field to walk by, instead of ids: numbers, strings, booleans; all others last in either "
            "direction; of equal values the least id first.",
            nullable(body(["field"], field=FIELD, direction=TEXT | {"enum": ["asc", "desc"]})),
        ),
        include=INCLUDE,
        fields=FIELDS,
        vector_format=FORMAT,
        min_lsn=MIN_LSN,
    ),
    "CountBody": body([], filter=ref("Filter"), min_lsn=MIN_LSN),
    "RecallBody": body(
        [],
        num=about(
            "How many stored vectors to search with.",
            default(wire.RecallBody, "num", integer(1, RECALL_ROWS_MAX)),
        ),
        k=default(wire.RecallBody, "k", integer(1, K_MAX)),
        ef_search=EF_SEARCH,
        filter=ref("Filter"),
        min_lsn=MIN_LSN,
    ),
    "BackupBody": body(
        ["name"], name=about("Letters, digits, dots, dashes, underscores.", TEXT | {"pattern": BACKUP_NAME})
    ),
    "FlushBody": body(
        [],
        timeout_s=about(
            "Seconds until `not_caught_up`; the work goes on then.",
            default(wire.FlushBody, "timeout_s", NUMBER | {"minimum": 0, "maximum": FLUSH_WAIT_S_MAX}),
        ),
    ),
    "TagBody": body(
        ["name"], name=about("Letters, digits, dashes, underscores.", TEXT | {"pattern": TAG_NAME})
    ),
    "FacetsBody": body(
        ["field"],
        field=FIELD,
        filter=ref("Filter"),
        limit=default(wire.FacetsBody, "limit", integer(1, FACET_LIMIT_MAX)),
        offset=default(wire.FacetsBody, "offset", integer(0, FACET_VALUES_MAX)),
        order=about(
            "By value: null, booleans, numbers, strings.",
            default(wire.FacetsBody, "order", TEXT | {"enum": ["count", "value"]}),
        ),
        contains=about(
            f"Only strings with this in them, of at most {FACET_CONTAINS_BYTES_MAX:,} bytes, are values.",
            nullable(TEXT),
        ),
        min_lsn=MIN_LSN,
    ),
    "RangeBody": body(["field"], field=FIELD, filter=ref("Filter"), min_lsn=MIN_LSN),
}
INDEX = {
    "initialized": FLAG,
    "dim": nullable(integer(1, DIM_MAX)),
    "metric": nullable(METRIC),
    "bits": nullable(BITS),
}
ANSWERS: dict[str, Schema] = {
    "Key": answer(
        ["name", "role", "collections"],
        name=nullable(TEXT),
        role={"type": "string", "enum": [*ROLES]},
        collections=nullable(array(TEXT)),
    ),
    "Status": answer(["status"], status={"type": "string", "enum": ["ok", "degraded"]}),
    "Index": answer([*INDEX], **INDEX),
    "IndexCreated": answer([*INDEX, "lsn"], **INDEX, lsn=ref("Lsn")),
    "IndexDeleted": answer(["initialized", "lsn"], initialized=FLAG, lsn=ref("Lsn")),
    "Flushed": answer(["lsn"], lsn=about("What a durable manifest holds.", ref("Lsn"))),
    "Written": answer(["id", "lsn"], id=ref("Id"), lsn=ref("Lsn")),
    "Stored": answer(
        ["id", "lsn", "result"],
        id=ref("Id"),
        lsn=ref("Lsn"),
        result=about(
            "Whether the id is new, was there and is replaced, or was there and is left as it was.",
            {"type": "string", "enum": ["inserted", "replaced", "skipped"]},
        ),
    ),
    "Inserted": answer(
        ["inserted", "replaced", "skipped", "lsn"],
        inserted=about("Items that were written.", integer(0)),
        replaced=about("Of these, items whose id existed.", integer(0)),
        skipped=about("Items that were left out because their id existed.", integer(0)),
        lsn=ref("Lsn"),
    ),
    "Deleted": answer(["deleted", "lsn"], deleted=integer(0), lsn=ref("Lsn")),
    "Patched": answer(["patched", "lsn"], patched=integer(0), lsn=ref("Lsn")),
    "Counted": answer(["count"], count=integer(0)),
    "Fields": answer(["fields"], fields=array(ref("FieldInfo"))),
    "Row": answer(["id"], **ROW),
    "Rows": answer(["vectors"], vectors=array(ref("Row"))),
    "Page": answer(["vectors", "cursor"], vectors=array(ref("Row")), cursor=nullable(TEXT)),
    "Change": answer(
        ["lsn", "kind"],
        lsn=about("The record; go on from here with `since`, unless `more`.", ref("Lsn")),
        kind={"type": "string", "enum": [*get_args(ChangeKind), "heartbeat", "end"]},
        time_ms=about("When it was logged, in milliseconds since 1970.", integer(0)),
        ids=array(ref("Id")),
        id_kind=about("Of a created index whose ids are strings.", {"type": "string", "enum": ["string"]}),
        vector=about(
            "Of a created index whose rows need no vector.", {"type": "string", "enum": ["optional"]}
        ),
        payloads=about(
            "For each id: null keeps the payload, {} clears it; of merge_payload the merge-patch.",
            array(nullable(ref("Payload"))),
        ),
        vectors=about("As they were given; null for a row that has none.", array(nullable(ref("Vector")))),
        dim=integer(1, DIM_MAX),
        metric=METRIC,
        bits=BITS,
        rows=about("Of a bulk load, whose ids are 0 … rows - 1.", integer(0)),
        more=about("Another piece of this record follows.", FLAG),
        error=about("What ended the feed, with its code.", TEXT),
        code=TEXT,
    ),
    "Tags": answer(["tags"], tags=array(ref("TagInfo"))),
    "Backups": answer(
        ["backups", "damaged"],
        backups=array(ref("Backup")),
        damaged=about("A sentence about each backup that is damaged, whichever store's it is.", array(TEXT)),
    ),
}


def components() -> dict[str, Schema]:
    """All schemas by name."""
    _, derived = msgspec.json.schema_components(
        [
            Stats,
            Recovery,
            BulkReport,
            BackupReport,
            Backup,
            TagInfo,
            PurgeReport,
            Explain,
            Facets,
            FieldInfo,
            FieldRange,
            Recall,
        ],
        ref_template=REF + "{name}",
    )
    return PARTS | REQUESTS | ANSWERS | SEARCHES | TEXTS | WRITES | COLLECTIONS | derived
