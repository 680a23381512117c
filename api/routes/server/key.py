"""The route that says what the caller's key may do."""

from __future__ import annotations

import msgspec
from litestar import Response

from asteroid_cloud.api.routes.responses import AnyRequest, JsonResponse, grant_of
from asteroid_cloud.api.wire.media_types import JSON


async def get_key(request: AnyRequest) -> JsonResponse:
    """The key's name, its role, and the collections or aliases that it is limited to; null for all.

    Without keys everybody may do everything.
    """
    return Response(msgspec.json.encode(grant_of(request)), media_type=JSON)
