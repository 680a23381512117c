"""JSON Schemas of writes that change many rows in other ways than a batch of vectors."""

from __future__ import annotations

from asteroid_cloud.api.limits import PATCH_IDS_MAX
from asteroid_cloud.api.openapi.schema_words import Schema, about, answer, array, body, integer, nullable, ref
from asteroid_cloud.api.service.writing.mixed_writes import UNSET_MAX
from asteroid_cloud.indexer.limits import BATCH_ITEMS_MAX

UNSET = nullable(
    about("Paths, `a.b` for `b` in `a`, of what is removed first.", array({"type": "string"}, UNSET_MAX))
)

WRITES: dict[str, Schema] = {
    "SetItem": body(
        ["id"],
        id=ref("IdIn"),
        set=about("Each field replaces the one of its name, a null too.", ref("Payload")),
        unset=UNSET,
    ),
    "WriteBody": body(
        [],
        delete_filters=about("What matches one before the write is deleted.", array(ref("Filter"))),
        deletes=array(ref("IdIn"), BATCH_ITEMS_MAX),
        upserts=array(ref("Item"), BATCH_ITEMS_MAX),
        patches=array(body(["id", "patch"], id=ref("IdIn"), patch=ref("Payload")), BATCH_ITEMS_MAX),
        sets=array(ref("SetItem"), BATCH_ITEMS_MAX),
    ),
    "SetBody": body(
        [],
        set=about("Each field replaces the one of its name, a null too.", ref("Payload")),
        unset=UNSET,
        ids=nullable(array(ref("IdIn"), PATCH_IDS_MAX)),
        filter=ref("Filter"),
    ),
    "Changed": answer(
        ["lsn", "deleted", "inserted", "replaced", "skipped", "patched", "set"],
        lsn=ref("Lsn"),
        deleted=about("Ids that were there and are gone.", integer(0)),
        inserted=about("Items that were written.", integer(0)),
        replaced=about("Of these, items whose id existed.", integer(0)),
        skipped=about("Items that were left out because their id existed.", integer(0)),
        patched=integer(0),
        set=integer(0),
    ),
    "SetCount": answer(["set", "lsn"], set=integer(0), lsn=ref("Lsn")),
}
