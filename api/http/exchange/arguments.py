"""Handlers as the framework calls them: it gives the request and its body, and we what stands in the path.

The framework would split a path after it is decoded, so that a slash in a value ended it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from typing import get_type_hints

from litestar.params import RawBody

from asteroid_cloud.api.routes.responses import AnyRequest, match_of, path_of
from asteroid_cloud.api.routing.route import COLLECTION, Handler
from asteroid_cloud.wal.errors import InvalidRequest, NotFound


def with_arguments(handler: Handler) -> Handler:
    """A handler of ``request`` and ``body``, around one that takes what it needs by name."""
    wanted = signature(handler).parameters
    takes_request = "request" in wanted

    async def called(request: AnyRequest) -> object:
        given = {"request": request} if takes_request else {}
        with _as_route(request):
            return await handler(**given, **_from_path(request))

    async def called_with_body(request: AnyRequest, body: RawBody) -> object:
        with _as_route(request):
            return await handler(request, body=body, **_from_path(request))

    chosen: Handler = called_with_body if "body" in wanted else called
    # The framework makes a response by what the handler says that it returns.
    chosen.__annotations__["return"] = get_type_hints(handler)["return"]
    return chosen


@contextmanager
def _as_route(request: AnyRequest) -> Iterator[None]:
    """A word of the API is an id only where it can be one: else it is a route that does not exist."""
    try:
        yield
    except InvalidRequest as error:
        if error.code == "bad_id" and match_of(request).is_word:
            raise NotFound("there is no such route") from error
        raise


def _from_path(request: AnyRequest) -> dict[str, str]:
    """What stands in the path, but for the collection, which the request has as an object."""
    found = path_of(request)
    if match_of(request).route.is_named:
        del found[COLLECTION]
    return found
