"""What can happen to an index: the events that the log holds, each a tagged msgpack array.

Tags and the order of fields are the format: never reused, never changed; new fields go at the end,
with a default. Ids are little-endian u64 in one ``bin``, or an array of strings; vectors are little-endian
float32, row after row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NamedTuple

import msgspec

from asteroid_cloud.wal.format.ids import Ids, ids_in
from asteroid_cloud.wal.format.log_file import (
    LARGE_PAYLOADS,
    MIXED_WRITES,
    OPTIONAL_VECTORS,
    STRING_IDS,
    TEXT_INDEXES,
)
from asteroid_cloud.wal.format.rows_written import RowsWritten
from asteroid_cloud.wal.limits import PAYLOAD_BYTES_DEFAULT


class IndexCreated(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """The index got its dimension, its metric ("l2", "cosine" or "ip") and how its values are kept."""

    dim: int
    metric: str
    bits: int = 16
    outliers: int = 0
    """Values of a row that may be kept apart as floats."""
    ids: str = "integer"
    """What its ids are: "integer" or "string"."""
    vector: str = "required"
    """Whether each row has a vector: "required" or "optional"."""

    @property
    def flags(self) -> int:
        """The flags of a log file that may hold such an index; 0 for what every program knows."""
        return (STRING_IDS if self.ids == "string" else 0) | (
            OPTIONAL_VECTORS if self.vector == "optional" else 0
        )


class _Numbered(msgspec.Struct, frozen=True, array_like=True, tag=9):
    """A BulkLoaded as programs wrote it that know of no other ids than numbers: of such a load."""

    bulk: int
    since: int
    rows: int
    dim: int


class _OfIntegers(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """An IndexCreated as programs wrote it that know of no other ids than integers: for such an index."""

    dim: int
    metric: str
    bits: int
    outliers: int


class IndexDeleted(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """The index and all its data are gone."""


class VectorsUpserted(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """Rows were inserted or replaced, all of them at once; of an id given twice the last counts.

    A payload of None keeps the old one, b"" clears it, anything else is the text of a JSON object;
    no list at all keeps every payload.
    """

    ids: Ids
    vectors: bytes
    """Of the rows that have one."""
    payloads: list[bytes | None] | None = None
    bare: bytes = b""
    """Which rows have no vector: a bit a row, the lowest of each byte first; empty where all have one."""


def bare_rows(event: VectorsUpserted | RowsWritten) -> list[bool]:
    """Whether each row that is upserted has no vector."""
    rows, bits = ids_in(event.upserted if isinstance(event, RowsWritten) else event.ids), event.bare
    if not bits:
        return [False] * rows
    return [row // 8 < len(bits) and bool(bits[row // 8] >> row % 8 & 1) for row in range(rows)]


def bare_count(bits: bytes) -> int:
    """How many rows have no vector, of the bits of an event."""
    return int.from_bytes(bits, "little").bit_count()


def packed_bits(flags: Sequence[bool]) -> bytes:
    """Flags as an event holds them, a bit each; nothing where none is set."""
    bits = bytearray((len(flags) + 7) // 8 if any(flags) else 0)
    for row, flag in enumerate(flags):
        if flag:
            bits[row // 8] |= 1 << row % 8
    return bytes(bits)


class _WithVectors(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """A VectorsUpserted as it is written where each row has a vector."""

    ids: Ids
    vectors: bytes
    payloads: list[bytes | None] | None


class VectorsDeleted(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """Ids were deleted, their payloads too; those that are absent do not matter."""

    ids: Ids


class PayloadReplaced(msgspec.Struct, frozen=True, array_like=True, tag=5):
    """A payload was replaced by the text of a JSON object; void when the id is absent."""

    id: int | str
    payload: bytes


class PayloadMerged(msgspec.Struct, frozen=True, array_like=True, tag=6):
    """A payload got a JSON merge-patch (RFC 7396); void when the id is absent, or the result too large."""

    id: int | str
    patch: bytes
    bytes_max: int = PAYLOAD_BYTES_DEFAULT
    """What the payload may have afterwards: a setting when it was logged, the same whenever it is applied."""


class BulkRows(msgspec.Struct, frozen=True, array_like=True, tag=7):
    """Rows ``first`` … of a bulk load; they count once its BulkLoaded is logged, else never."""

    bulk: int
    first: int
    vectors: bytes


class BulkPayloads(msgspec.Struct, frozen=True, array_like=True, tag=8):
    """Payloads of rows ``first`` … of a bulk load; None for none."""

    bulk: int
    first: int
    payloads: list[bytes | None]


class BulkLoaded(msgspec.Struct, frozen=True, array_like=True, tag=9):
    """Rows 0 … ``rows`` − 1 of a bulk load, logged since LSN ``since``, are the index now."""

    bulk: int
    since: int
    rows: int
    dim: int
    ids_since: int = 0
    """The LSN of the first BulkIds of the load; 0 where ids are the numbers of the rows."""


class HistoryBegun(msgspec.Struct, frozen=True, array_like=True, tag=10):
    """The store went back to record ``branched_at`` and goes on from there; its name is ``store`` now."""

    branched_at: int
    store: bytes


class BulkIds(msgspec.Struct, frozen=True, array_like=True, tag=13):
    """The ids of rows ``first`` … of a bulk load into an index whose ids are strings."""

    bulk: int
    first: int
    ids: list[str]


class RequestAnswered(msgspec.Struct, frozen=True, array_like=True, tag=12):
    """A request changed nothing that other events tell, and this was its answer; nothing changes by it."""

    status: int
    """The HTTP status; 0 when the request has only begun."""
    lsn: int
    """What the answer was as of."""
    answer: bytes


class TextDefined(msgspec.Struct, frozen=True, array_like=True, tag=15):
    """Texts are indexed in these fields from now on; in none, if there are none."""

    fields: list[tuple[list[str], str]]
    """Of each the names that lead to it, and the language that its words are stemmed in, or ""."""


Event = (
    IndexCreated
    | IndexDeleted
    | VectorsUpserted
    | VectorsDeleted
    | PayloadReplaced
    | PayloadMerged
    | BulkRows
    | BulkPayloads
    | BulkLoaded
    | HistoryBegun
    | RequestAnswered
    | BulkIds
    | RowsWritten
    | TextDefined
)


VectorsApart = VectorsUpserted | BulkRows | RowsWritten
"""Events whose vectors may lie apart from them."""


KEY_BYTES, DIGEST_BYTES = 16, 8


class RequestKey(msgspec.Struct, frozen=True, array_like=True):
    """The request that an event belongs to, known by a key of the client's."""

    key: Annotated[bytes, msgspec.Meta(min_length=KEY_BYTES, max_length=KEY_BYTES)]
    """Stands for the key."""
    digest: Annotated[bytes, msgspec.Meta(min_length=DIGEST_BYTES, max_length=DIGEST_BYTES)]
    """Stands for all of the request: with the same key another one is refused."""
    done: int | None = None
    """Of a request with several events: how many ids those before have touched. None: this is all of it."""


class Requested(msgspec.Struct, frozen=True, array_like=True, tag=11):
    """An event on the disk together with the request that it belongs to."""

    request: RequestKey
    event: Event


class _OfDefaultBound(msgspec.Struct, frozen=True, array_like=True, tag=6):
    """A PayloadMerged as programs wrote it that know of one bound only: with that bound."""

    id: int | str
    patch: bytes


class _Envelope(msgspec.Struct, frozen=True, array_like=True, tag=11):
    """The same of an event in the form that it is written in."""

    request: RequestKey
    event: Event | _OfIntegers | _Numbered | _OfDefaultBound | _WithVectors


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Event | Requested] = msgspec.msgpack.Decoder(Event | Requested)


NAME_BYTES = 56
"""What a string takes in memory beside its characters."""


def names_bytes(names: list[str]) -> int:
    """About what strings take in memory."""
    return NAME_BYTES * len(names) + sum(map(len, names))


def event_bytes(event: Event) -> int:
    """About what an event takes in memory: its vectors, ids and payloads."""
    if isinstance(event, VectorsUpserted):  # asked of each record of a log that is read
        payloads = event.payloads
        held = sum([len(item) for item in payloads if item]) if payloads else 0
        ids = len(event.ids) if isinstance(event.ids, bytes) else names_bytes(event.ids)
        return ids + len(event.vectors) + held
    if isinstance(event, RowsWritten):
        return _mixed_bytes(event)
    size = 0
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if isinstance(value, list):
            size += sum(
                NAME_BYTES + len(item) if isinstance(item, str) else len(item or b"") for item in value
            )
        elif isinstance(value, bytes):
            size += len(value)
    return size


def _mixed_bytes(event: RowsWritten) -> int:
    ids = event.ids
    size = len(ids) if isinstance(ids, bytes) else names_bytes(ids)
    size += len(event.vectors) + sum(len(text) for text in event.payloads or () if text)
    return size + sum(len(each.patch) for each in event.patched) + sum(len(each.values) for each in event.set)


class Encoded(NamedTuple):
    """An event on its way to the disk: msgpack, and apart from it its vectors, if they are whole float32."""

    event: bytes
    """With its vectors, or with none in their place when they are apart."""
    vectors: bytes


def flags_of(event: Event) -> int:
    """What the header of a log file has to say, so that a program that does not know the event keeps out."""
    match event:
        case IndexCreated():
            return event.flags
        case TextDefined():
            return TEXT_INDEXES
        case VectorsUpserted() | BulkPayloads():
            is_large = _largest(event.payloads or ()) > PAYLOAD_BYTES_DEFAULT
        case PayloadReplaced():
            is_large = len(event.payload) > PAYLOAD_BYTES_DEFAULT
        case PayloadMerged():
            is_large = event.bytes_max != PAYLOAD_BYTES_DEFAULT
        case RowsWritten():
            is_large = event.bytes_max != PAYLOAD_BYTES_DEFAULT
            is_large = is_large or _largest(event.payloads or ()) > PAYLOAD_BYTES_DEFAULT
            return MIXED_WRITES | (LARGE_PAYLOADS if is_large else 0)
        case _:
            return 0
    return LARGE_PAYLOADS if is_large else 0


def _largest(payloads: Sequence[bytes | None]) -> int:
    return max((len(payload) for payload in payloads if payload), default=0)


def encode_event(event: Event, request: RequestKey | None = None) -> Encoded:
    """The event, encoded; vectors that are apart are its own bytes, not a copy."""
    vectors = b""
    if isinstance(event, VectorsApart) and event.vectors and len(event.vectors) % 4 == 0:
        event, vectors = _with_vectors(event, b""), event.vectors
    written = _as_before(event)
    return Encoded(_encoder.encode(written if request is None else _Envelope(request, written)), vectors)


def _as_before(event: Event) -> Event | _OfIntegers | _Numbered | _OfDefaultBound | _WithVectors:
    """What the event is written as: where it says nothing new, as it always was."""
    if isinstance(event, VectorsUpserted):
        return event if event.bare else _WithVectors(event.ids, event.vectors, event.payloads)
    if isinstance(event, BulkLoaded):
        is_new = event.ids_since > 0
        return event if is_new else _Numbered(event.bulk, event.since, event.rows, event.dim)
    if isinstance(event, PayloadMerged):
        return event if event.bytes_max != PAYLOAD_BYTES_DEFAULT else _OfDefaultBound(event.id, event.patch)
    if not isinstance(event, IndexCreated) or event.flags:
        return event
    return _OfIntegers(event.dim, event.metric, event.bits, event.outliers)


def decode_event(data: bytes | memoryview, vectors: bytes = b"") -> tuple[Event, RequestKey | None]:
    """The event that ``data`` encodes, with ``vectors`` if they were apart, and the request it belongs to.

    Raises msgspec.DecodeError or UnicodeDecodeError if it is none, or has no place for such vectors.
    """
    found = _decoder.decode(data)
    event, request = (found.event, found.request) if isinstance(found, Requested) else (found, None)
    if not vectors:
        return event, request
    if not isinstance(event, VectorsApart) or event.vectors:
        raise msgspec.DecodeError("vectors belong to an event that has no place for them")
    return _with_vectors(event, vectors), request


def _with_vectors(event: VectorsApart, vectors: bytes) -> VectorsApart:
    if isinstance(event, RowsWritten):
        return msgspec.structs.replace(event, vectors=vectors)
    if isinstance(event, BulkRows):
        return BulkRows(event.bulk, event.first, vectors)
    return VectorsUpserted(event.ids, vectors, event.payloads, event.bare)
