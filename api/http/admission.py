"""Who may send a request, and whether there is room for it: decided by its headers alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from litestar.types import HTTPScope

from asteroid_cloud.api.http.auth import KeyRing
from asteroid_cloud.api.http.origins import OriginRule
from asteroid_cloud.api.http.rate_limit import RateLimit
from asteroid_cloud.api.http.settings import Settings
from asteroid_cloud.api.limits import BODIES_IN_FLIGHT_BYTES_MAX
from asteroid_cloud.api.openapi.swagger_page import PAGE_PREFIX, PAGE_ROUTES
from asteroid_cloud.api.routes.table import ROUTES
from asteroid_cloud.api.wire.headers import WELCOME
from asteroid_cloud.wal.errors import NotFound, Overloaded, Unauthorized

ALL_ROUTES = (*ROUTES, *PAGE_ROUTES)
ALWAYS_ANSWERED = {route.path for route in ROUTES if route.scope == "open"}
"""No bound on requests holds for these, or a busy server would look like a dead one."""
PAGES = {route.path for route in PAGE_ROUTES}


class Admission:
    """Keys, rates and places of one server."""

    def __init__(self, settings: Settings) -> None:
        self._keys = KeyRing(settings.keys())
        self._origins = OriginRule(settings.host)
        self._rate = RateLimit(settings.rate_limit)
        self._places = settings.concurrency
        self._taken = 0
        self.held_bytes = 0
        """Of the bodies that requests under way may hold in memory."""
        public = settings.public_names
        self._open_paths = {
            route.path for route in ALL_ROUTES if route.scope == "open" or route.public_name in public
        }
        self._assets_are_open = "docs" in public

    def identify(self, scope: HTTPScope) -> str:
        """Who asks; who is let in keeps its connection. Raises Unauthorized, InvalidRequest, Overloaded."""
        headers, path, method = dict(scope["headers"]), scope["path"], str(scope["method"])
        address = str((scope.get("client") or ("unknown",))[0])
        if self._keys.is_open:
            is_page = path in PAGES or path.startswith(PAGE_PREFIX)
            self._origins.check(method, path, headers, is_page=is_page)
            holder = address
        elif path in self._open_paths or (self._assets_are_open and path.startswith(PAGE_PREFIX)):
            return address
        else:
            holder = self._holder(headers, address)
        welcome: Callable[[], None] = scope.get(WELCOME, _nothing)  # type: ignore[assignment]
        welcome()
        return holder

    def check(self, scope: HTTPScope, holder: str) -> None:
        """Counts one request; raises Overloaded ``rate_limited``, and NotFound for what reaches no route."""
        path = scope["path"]
        if path not in ALWAYS_ANSWERED:
            self._rate.take(holder)
        # Litestar would take the first two for other paths, and answer OPTIONS by itself.
        if "//" in path or (path != "/" and path.endswith("/")) or scope["method"] == "OPTIONS":
            raise NotFound("there is no such route")

    @contextmanager
    def place(self, path: str, body_bytes: int) -> Iterator[None]:
        """Room for a request and its body in memory; raises Overloaded when there is none."""
        if path in ALWAYS_ANSWERED:
            yield
            return
        if self._taken >= self._places:
            raise Overloaded("too many requests at once", retry_after_s=1.0)
        if self.held_bytes and self.held_bytes + body_bytes > BODIES_IN_FLIGHT_BYTES_MAX:
            raise Overloaded("too many large bodies at once", retry_after_s=1.0)
        self._taken += 1
        self.held_bytes += body_bytes
        try:
            yield
        finally:
            self._taken -= 1
            self.held_bytes -= body_bytes

    def _holder(self, headers: Mapping[bytes, bytes], address: str) -> str:
        """A short name for the key that was sent; a wrong one counts against the address."""
        found = self._keys.holder(headers.get(b"authorization", b""))
        if found is None:
            self._rate.take(address)
            raise Unauthorized("a valid key is needed: Authorization: Bearer <key>")
        return found


def _nothing() -> None:
    """Where there is no connection."""
