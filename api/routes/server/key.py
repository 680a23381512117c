"""The route that says what the caller's key may do."""

from __future__ import annotations

from asteroid_cloud.api.routes.responses import AnyRequest, JsonResponse, grant_of
from asteroid_cloud.api.routes.server.plain import plain_answer


async def get_key(request: AnyRequest) -> JsonResponse:
    """The key's name, its role, and the collections or aliases that it is limited to; null for all.

    Without keys everybody may do everything.
    """
    return plain_answer(grant_of(request))
