"""The answer to a request that was done before, from what is remembered of it and from the request itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from litestar import Response

from asteroid_cloud.api.routes.index import described
from asteroid_cloud.api.routes.responses import AnyRequest, answer, collection_of, empty_answer, path_of
from asteroid_cloud.api.routes.texts.definition import text_gone, text_set
from asteroid_cloud.api.service.ids import checked_id
from asteroid_cloud.api.service.writes import result_of
from asteroid_cloud.api.wire.answers import batch_told
from asteroid_cloud.api.wire.headers import LSN_HEADER
from asteroid_cloud.api.wire.native import core
from asteroid_cloud.api.wire.requests import INDEX, INSERT, decode
from asteroid_cloud.indexer import Remembered, WriteCounts
from asteroid_cloud.indexer.limits import BATCH_ITEMS_MAX
from asteroid_cloud.wal.errors import AsteroidError, Conflict, InvalidRequest, NotFound

AnyResponse = Response[bytes] | Response[None]
Rebuild = Callable[[AnyRequest, bytes, Remembered], AnyResponse]


@dataclass(frozen=True, slots=True)
class Again:
    """How one kind of write answers when it comes again."""

    rebuild: Rebuild | None = None
    """From the request, its body, and what its record did; None when no record tells what it does."""
    word: str = ""
    """How the answer calls the number of ids that were touched; empty when it has none."""


class Refused(msgspec.Struct):
    """The text of a refusal."""

    error: str
    code: str


def repeated(request: AnyRequest, body: bytes, known: Remembered, again: Again) -> AnyResponse:
    """The first answer, once more; raises it when it was a refusal, and Conflict ``request_interrupted``."""
    if not known.is_whole:
        done = {again.word: known.affected} if again.word else {}
        raise Conflict(
            "the server stopped in the middle of this request; what was not done by then is not done",
            code="request_interrupted",
            lsn=known.lsn,
            **done,
        )
    if known.status >= 400:
        raise refusal(known)
    if known.status == 204:
        return empty_answer(known.lsn)
    if known.status:
        if not known.answer:
            raise Conflict(
                "the request was done; its answer was too long to be remembered", code="answer_not_kept"
            )
        response = answer(known.answer, known.lsn)
        if not known.lsn:  # of the server, not of a log
            del response.headers[LSN_HEADER]
        return response
    assert again.rebuild is not None, "a request whose record tells its answer"
    return again.rebuild(request, body, known)


def refusal(known: Remembered) -> AsteroidError:
    """The error that a remembered answer is."""
    told = msgspec.json.decode(known.answer, type=Refused)
    details = msgspec.json.decode(known.answer, type=dict[str, object])
    del details["error"], details["code"]
    kind = {404: NotFound, 410: NotFound, 409: Conflict, 412: Conflict}.get(known.status, InvalidRequest)
    return kind(told.error, code=told.code, **details)


def refusal_text(error: AsteroidError) -> bytes:
    """The same the other way round."""
    return msgspec.json.encode({"error": error.message, "code": error.code} | error.details)


def _one(request: AnyRequest, body: bytes, known: Remembered) -> AnyResponse:
    id_ = path_of(request).get("id")
    spec = collection_of(request).engine.spec
    number = checked_id(decode(INSERT, body).id if id_ is None else id_, spec)
    return answer({"id": number, "lsn": known.lsn}, known.lsn)


def _one_put(request: AnyRequest, body: bytes, known: Remembered) -> AnyResponse:
    id_ = path_of(request).get("id")
    spec = collection_of(request).engine.spec
    number = checked_id(decode(INSERT, body).id if id_ is None else id_, spec)
    counts = WriteCounts(inserted=known.affected, replaced=known.replaced)
    return answer({"id": number, "lsn": known.lsn, "result": result_of(counts)}, known.lsn)


def _batch(request: AnyRequest, body: bytes, known: Remembered) -> AnyResponse:
    items = core.count_elements(body, "items", BATCH_ITEMS_MAX)
    counts = WriteCounts(inserted=known.affected, replaced=known.replaced, skipped=items - known.affected)
    return answer(batch_told(counts, known.lsn), known.lsn)


def _nothing(request: AnyRequest, body: bytes, known: Remembered) -> AnyResponse:
    return empty_answer(known.lsn)


def _index_made(request: AnyRequest, body: bytes, known: Remembered) -> AnyResponse:
    return answer(described(decode(INDEX, body)) | {"initialized": True, "lsn": known.lsn}, known.lsn)


def _index_gone(request: AnyRequest, body: bytes, known: Remembered) -> AnyResponse:
    return answer({"initialized": False, "lsn": known.lsn}, known.lsn)


def _text_set(request: AnyRequest, body: bytes, known: Remembered) -> AnyResponse:
    return text_set(body, known.lsn)


def _text_gone(request: AnyRequest, body: bytes, known: Remembered) -> AnyResponse:
    return text_gone(known.affected > 0, known.lsn)


def _loaded(request: AnyRequest, body: bytes, known: Remembered) -> AnyResponse:
    raise Conflict(
        "the server stopped before it answered this request; its rows are loaded",
        code="request_interrupted",
        n=known.affected,
        lsn=known.lsn,
    )


def _counted(word: str) -> Again:
    def rebuild(request: AnyRequest, body: bytes, known: Remembered) -> AnyResponse:
        return answer({word: known.affected, "lsn": known.lsn}, known.lsn)

    return Again(rebuild, word)


ONE, LOADED = Again(_one), Again(_loaded)
MIXED = Again()
"""Its record tells the answer, and that is remembered with it."""
OUTSIDE = Again()
"""What it does is not in the log: that it begins is logged, and the answer as it was given."""
AGAIN: dict[str, Again] = {
    "create_index": Again(_index_made),
    "delete_index": Again(_index_gone),
    "set_text": Again(_text_set),
    "delete_text": Again(_text_gone),
    "insert": Again(_one_put),
    "upsert": Again(_one_put),
    "delete": Again(_nothing),
    "set_payload": ONE,
    "merge_payload": ONE,
    "insert_batch": Again(_batch, "inserted"),
    "delete_many": _counted("deleted"),
    "merge_many": _counted("patched"),
    "set": _counted("set"),
    "write": MIXED,
    "bulk_build": LOADED,  # its report has times, which no record tells: it is remembered as it was given
    "create_collection": OUTSIDE,
    "delete_collection": OUTSIDE,
    "set_alias": OUTSIDE,
    "delete_alias": OUTSIDE,
    "backup": OUTSIDE,
    "tag": OUTSIDE,
    "untag": OUTSIDE,
    "purge": OUTSIDE,
}
"""The writes, by operation. A flush is none: whoever asks again wants what is in memory now to be sealed."""
