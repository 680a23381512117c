"""Answers about the server, which no record of a log stands behind."""

from __future__ import annotations

import msgspec
from litestar import Response

from asteroid_cloud.api.routes.responses import JsonResponse
from asteroid_cloud.api.wire.media_types import JSON


def plain_answer(body: object) -> JsonResponse:
    """A JSON answer without an LSN, from anything that msgspec encodes."""
    return Response(msgspec.json.encode(body), media_type=JSON)
