"""How a handler reaches its collection, and how it answers."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response

from asteroid_cloud.api.service.collections import Collection, Collections
from asteroid_cloud.api.service.metrics import Metrics
from asteroid_cloud.api.wire.headers import ETAG, LSN_HEADER, entity_tag, min_lsn_of
from asteroid_cloud.api.wire.media_types import JSON

JsonResponse = Response[bytes]
AnyRequest = Request[Any, Any, Any]


def collection_of(request: AnyRequest) -> Collection:
    """The collection that the request is about; raises Overloaded ``not_ready`` until its index is made."""
    collection = default_collection(request)
    collection.check_index_made()
    return collection


def default_collection(request: AnyRequest) -> Collection:
    """The collection ``default``, also while nothing can be asked of it yet."""
    collections: Collections = request.app.state.collections
    return collections.default


def metrics_of(request: AnyRequest) -> Metrics:
    """The figures of this process."""
    metrics: Metrics = request.app.state.metrics
    return metrics


def wanted_lsn(request: AnyRequest, field: object = None) -> int:
    """The LSN that a read must cover, from the header or the body's field."""
    return min_lsn_of(request.headers, field)


def answer(body: object, lsn: int) -> JsonResponse:
    """A JSON answer, from bytes or from anything that msgspec encodes; its status is the table's."""
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Response(content, media_type=JSON, headers={LSN_HEADER: str(lsn)})


def answer_with_tag(body: object, lsn: int) -> JsonResponse:
    """An answer about one id, with its entity tag."""
    tagged = answer(body, lsn)
    tagged.headers[ETAG] = entity_tag(lsn)
    return tagged


def empty_answer(lsn: int) -> Response[None]:
    """An answer without a body."""
    return Response(None, headers={LSN_HEADER: str(lsn)})
