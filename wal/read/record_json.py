"""Records as lines of JSON, for people and for jq."""

from __future__ import annotations

import struct
from datetime import UTC, datetime

import msgspec

from asteroid_cloud.wal.format.events import (
    BulkIds,
    BulkLoaded,
    BulkPayloads,
    BulkRows,
    Event,
    HistoryBegun,
    IndexCreated,
    IndexDeleted,
    PayloadMerged,
    PayloadReplaced,
    RequestAnswered,
    TextDefined,
    VectorsDeleted,
    VectorsUpserted,
    bare_rows,
)
from asteroid_cloud.wal.format.ids import listed_ids
from asteroid_cloud.wal.format.record import Record
from asteroid_cloud.wal.format.rows_written import RowsWritten
from asteroid_cloud.wal.limits import PAYLOAD_BYTES_DEFAULT

FLOAT_BYTES = 4


def record_line(record: Record, *, vectors: bool) -> bytes:
    """One record as one line of JSON; vectors in full, or only how many there are."""
    fields = {"lsn": record.lsn, "time": iso(record.time_ms), "event": type(record.event).__name__}
    if record.clock_ms is not None:
        fields["clock"] = iso(record.clock_ms)
    if record.request is not None:
        fields["request"] = record.request.key.hex()
    return msgspec.json.encode(fields | _fields(record.event, vectors))


def iso(time_ms: int) -> str:
    """An instant as people and scripts read it, in UTC."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds")


def _fields(event: Event, vectors: bool) -> dict[str, object]:
    match event:
        case VectorsUpserted(ids, packed, payloads):
            shown = None if payloads is None else [_payload(payload) for payload in payloads]
            bare = bare_rows(event)
            rows = _rows(packed, len(bare) - sum(bare), vectors)
            if vectors and any(bare) and isinstance(rows, list):
                left = iter(rows)
                rows = [None if each else next(left, None) for each in bare]
            return {"ids": listed_ids(ids), "vectors": rows, "payloads": shown}
        case RowsWritten():
            return _written(event, vectors)
        case VectorsDeleted(ids):
            return {"ids": listed_ids(ids)}
        case PayloadReplaced(number, payload):
            return {"id": number, "payload": _payload(payload)}
        case PayloadMerged(number, patch):
            bound = {"bytes_max": event.bytes_max} if event.bytes_max != PAYLOAD_BYTES_DEFAULT else {}
            return {"id": number, "patch": _payload(patch), **bound}
        case BulkRows(bulk, first, packed):
            # Only the index knows the dimension, so the rows are not separated here.
            return {"bulk": bulk, "first": first, "vectors": _rows(packed, 1, vectors)}
        case BulkPayloads(bulk, first, listed):
            return {"bulk": bulk, "first": first, "payloads": [_payload(payload) for payload in listed]}
        case BulkIds(bulk, first, names):
            return {"bulk": bulk, "first": first, "ids": names}
        case HistoryBegun(branched_at, store):
            return {"branched_at": branched_at, "store": store.hex()}
        case RequestAnswered(status, lsn, answer):
            return {"status": status, "as_of": lsn, "answer": _payload(answer)}
        case TextDefined(fields):
            return {"fields": [{"path": path, "language": language or None} for path, language in fields]}
        case IndexCreated():
            given = msgspec.structs.asdict(event)
            return {name: given[name] for name in given if event.flags or name not in ("ids", "vector")}
        case IndexDeleted() | BulkLoaded():
            return msgspec.structs.asdict(event)


def _written(event: RowsWritten, vectors: bool) -> dict[str, object]:
    """Only what there is of it."""
    fields: dict[str, object] = {}
    if event.deleted:
        fields["deleted"] = listed_ids(event.deleted)
    if event.upserted:
        upserted = VectorsUpserted(event.upserted, event.vectors, event.payloads, event.bare)
        fields["upserted"] = _fields(upserted, vectors)
    if event.patched:
        patched = ({"ids": listed_ids(each.ids), "patch": _payload(each.patch)} for each in event.patched)
        fields["patched"] = list(patched)
    if event.set:
        fields["set"] = [
            {"ids": listed_ids(each.ids), "set": _payload(each.values), "unset": each.unset}
            for each in event.set
        ]
    if event.skipped:
        fields["skipped"] = event.skipped
    if event.bytes_max != PAYLOAD_BYTES_DEFAULT:
        fields["bytes_max"] = event.bytes_max
    return fields


def _rows(packed: bytes, rows: int, in_full: bool) -> object:
    floats = len(packed) // FLOAT_BYTES
    if not in_full:
        return {"rows": rows, "dim": floats // rows} if rows > 1 else {"floats": floats}
    values = struct.unpack(f"<{floats}f", packed[: floats * FLOAT_BYTES])
    dim = floats // max(1, rows)
    return [values[start : start + dim] for start in range(0, dim * rows, max(1, dim))]


def _payload(payload: bytes | None) -> object:
    """The payload's own text on one line; null for None, "" for none; text that is no JSON as hex."""
    if not payload:
        return None if payload is None else ""
    try:
        return msgspec.Raw(msgspec.json.format(payload, indent=-1))
    except (msgspec.DecodeError, RecursionError):
        return {"not_json": payload.hex()}
