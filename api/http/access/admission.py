"""Who may send a request, and whether there is room for it: decided by its headers and its route alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from litestar.types import HTTPScope

from asteroid_cloud.api.http.access.keys import Key, KeyRing
from asteroid_cloud.api.http.access.origins import OriginRule
from asteroid_cloud.api.http.access.rate_limit import RateLimit
from asteroid_cloud.api.http.settings import Settings
from asteroid_cloud.api.limits import BODIES_IN_FLIGHT_BYTES_MAX
from asteroid_cloud.api.openapi.swagger_page import PAGE_PREFIX
from asteroid_cloud.api.routing.matcher import Match
from asteroid_cloud.api.routing.route import DEFAULT_NAME, Route
from asteroid_cloud.api.service.access.grants import EVERYTHING, Grant
from asteroid_cloud.api.wire.headers import WELCOME
from asteroid_cloud.wal.errors import NotFound, Overloaded, Unauthorized

DOCS = "docs"
"""The public name of the page that describes the API."""


class Admission:
    """Keys, rates and places of one server."""

    def __init__(self, settings: Settings) -> None:
        self.keys = KeyRing(settings.keys())
        """Who may come in now."""
        self._origins = OriginRule(settings.host)
        self._rate = RateLimit(settings.rate_limit)
        self._places = settings.concurrency
        self._taken = 0
        self.held_bytes = 0
        """Of the bodies that requests under way may hold in memory."""
        self._public = frozenset(settings.public_names)

    def identify(
        self, scope: HTTPScope, headers: Mapping[bytes, bytes], match: Match | None
    ) -> tuple[str, Grant]:
        """Who asks, and what that caller may do; who is let in keeps its connection.

        Raises Unauthorized, InvalidRequest, Overloaded.
        """
        route = match.route if match is not None else None
        address = str((scope.get("client") or ("unknown",))[0])
        if self.keys.is_open:
            method, is_read = str(scope["method"]), route is not None and route.scope == "read"
            self._origins.check(method, headers, is_page=_is_page(scope, route), is_read=is_read)
            holder, grant = address, EVERYTHING
        elif self._is_open(scope, route):
            return address, EVERYTHING
        else:
            key = self._key(headers, address)
            holder, grant = key.holder, key.grant
        welcome: Callable[[], None] = scope.get(WELCOME, _nothing)  # type: ignore[assignment]
        welcome()
        return holder, grant

    def check(self, match: Match | None, holder: str, grant: Grant) -> Match:
        """Counts one request, and says what it asks for.

        Raises Overloaded ``rate_limited``, NotFound for what reaches no route, Forbidden for what is not the
        caller's, and InvalidRequest when the collection in the path is no text.
        """
        if match is None or not match.route.is_always_answered:
            self._rate.take(holder)
        if match is None:
            raise NotFound("there is no such route")
        if grant is not EVERYTHING:
            _check_grant(match, grant)
        return match

    def enter(self, route: Route, body_bytes: int) -> int | None:
        """Takes room for a request and its body in memory; ``leave`` with what this gives.

        Raises Overloaded when there is none.
        """
        if route.is_always_answered:
            return None
        if self._taken >= self._places:
            raise Overloaded("too many requests at once", retry_after_s=1.0)
        if self.held_bytes and self.held_bytes + body_bytes > BODIES_IN_FLIGHT_BYTES_MAX:
            raise Overloaded("too many large bodies at once", retry_after_s=1.0)
        self._taken += 1
        self.held_bytes += body_bytes
        return body_bytes

    def leave(self, place: int | None) -> None:
        """Gives back what ``enter`` took."""
        if place is not None:
            self._taken -= 1
            self.held_bytes -= place

    def _is_open(self, scope: HTTPScope, route: Route | None) -> bool:
        """Whether it needs no key."""
        if route is None:
            return DOCS in self._public and _is_page(scope, route)
        return route.scope == "open" or route.public_name in self._public

    def _key(self, headers: Mapping[bytes, bytes], address: str) -> Key:
        """The key that was sent; a wrong one counts against the address."""
        found = self.keys.find(headers.get(b"authorization", b""))
        if found is None:
            self._rate.take(address)
            raise Unauthorized("a valid key is needed: Authorization: Bearer <key>")
        return found


def _check_grant(match: Match, grant: Grant) -> None:
    """Raises Forbidden unless the caller may ask for this."""
    route = match.route
    grant.check_role(route.scope)
    if route.reach == "process":
        grant.check_unlimited()
    elif route.reach != "server" or route.names_one:
        grant.check_sees(match.collection() or DEFAULT_NAME)


def _is_page(scope: HTTPScope, route: Route | None) -> bool:
    """Whether it is part of the page that describes the API, or would be if it were there."""
    if route is None:
        return scope["raw_path"].startswith(PAGE_PREFIX.encode())
    return route.public_name == DOCS


def _nothing() -> None:
    """Where there is no connection."""
