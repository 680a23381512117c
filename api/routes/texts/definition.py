"""The routes of the text index: which fields are indexed."""

from __future__ import annotations

from litestar.params import RawBody

from asteroid_cloud.api.routes.responses import (
    AnyRequest,
    JsonResponse,
    answer,
    collection_of,
    engine_of,
    wanted_lsn,
)
from asteroid_cloud.api.service.texts import asked_text, shown_text, text_info
from asteroid_cloud.api.wire.requests import decode
from asteroid_cloud.api.wire.texts.bodies import TEXT
from asteroid_cloud.indexer import TextDefinition


async def get_text(request: AnyRequest) -> JsonResponse:
    """The fields that are indexed, and how many of the stored rows are."""
    collection = collection_of(request)
    await collection.reads.reach(wanted_lsn(request))
    engine = collection.engine
    return answer(text_info(engine.texts.now, engine.texts.progress, engine.applied_lsn), engine.applied_lsn)


async def set_text(request: AnyRequest, body: RawBody) -> JsonResponse:
    """What is stored is indexed in the background. The same again changes nothing."""
    result = await engine_of(request).texts.define(_asked(body or b""))
    return text_set(body or b"", result.lsn)


async def delete_text(request: AnyRequest) -> JsonResponse:
    """Payloads stay as they are."""
    result = await engine_of(request).texts.define(None)
    return text_gone(result.affected > 0, result.lsn)


def text_set(body: bytes, lsn: int) -> JsonResponse:
    """The answer to a definition that was made by record ``lsn``, or that there was."""
    return answer(shown_text(_asked(body)) | {"lsn": lsn}, lsn)


def text_gone(was_there: bool, lsn: int) -> JsonResponse:
    """The answer to a removal."""
    return answer({"deleted": was_there, "lsn": lsn}, lsn)


def _asked(body: bytes) -> TextDefinition:
    return asked_text({"fields": decode(TEXT, body).fields})
