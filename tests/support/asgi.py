"""Requests as raw ASGI messages: what no well-behaved client sends."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import anyio

from asteroid_cloud.api import Store
from asteroid_cloud.api.http.all_routes import ALL_ROUTES
from asteroid_cloud.api.http.app import create_app
from asteroid_cloud.api.http.middleware import RequestGuard
from asteroid_cloud.api.http.settings import Settings
from asteroid_cloud.api.routing.route import Route
from asteroid_cloud.api.service.metrics import Metrics

DISCONNECT = b"(the client goes away)"


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes
    pieces_read: int
    method: str = "GET"

    @property
    def json(self) -> Any:
        """The body's JSON."""
        return json.loads(self.body)

    def check_refused(self, status: int, code: str) -> dict[str, Any]:
        """The error, which must be in the one shape of all errors; HEAD gets its headers only."""
        assert self.status == status, self.body
        assert self.headers["content-type"] == "application/json"
        if self.method == "HEAD":
            assert self.body == b""
            return {}
        told = dict(self.json)
        assert isinstance(told["error"], str)
        assert told["error"]
        assert told["code"] == code, told
        return told


def scope_of(method: str, path: str, headers: dict[str, str], query: str = "") -> dict[str, Any]:
    """The scope of an HTTP request."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()],
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 5),
        "state": {},
    }


async def ask(
    app: Any,
    method: str,
    path: str,
    pieces: Iterable[bytes] = (),
    *,
    headers: dict[str, str] | None = None,
    is_endless: bool = False,
    within: dict[str, Any] | None = None,
) -> Answer:
    """Sends one request; an endless one never says that its body is over. ``within`` is put in its scope."""
    waiting = list(pieces)
    total = len(waiting)
    declared = dict(headers or {})
    if waiting and not {"Content-Length", "Transfer-Encoding"} & declared.keys():
        declared["Content-Length"] = str(sum(map(len, waiting)))
    if not any(name.lower() == "content-type" for name in declared) and (waiting or is_endless):
        declared["Content-Type"] = "application/json"
    started: dict[str, Any] = {}
    body = bytearray()

    async def receive() -> dict[str, Any]:
        if waiting:
            piece = waiting.pop(0)
            if piece is DISCONNECT:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": piece, "more_body": bool(waiting) or is_endless}
        if not total and not is_endless:
            return {"type": "http.request", "body": b"", "more_body": False}
        await anyio.sleep_forever()
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            assert not started, "two answers to one request"
            started.update(message)
        else:
            body.extend(message.get("body", b""))

    await app(scope_of(method, path, declared) | (within or {}), receive, send)
    sent = {name.decode().lower(): value.decode() for name, value in started["headers"]}
    return Answer(started["status"], sent, bytes(body), total - len(waiting), method)


def app_over(settings: Settings, store: Store, metrics: Metrics | None = None) -> RequestGuard:
    """The application that serves a store."""
    return create_app(settings, store._collections, metrics)


VALUES = {"id": "1", "name": "1", "file": "1", "collection": "default", "alias": "alias"}


def path_of(route: Route, **values: str) -> str:
    """The path of a route with a value for each parameter, as it is sent."""
    return route.path.format(**VALUES | values)


def routes_of(_: RequestGuard) -> list[tuple[str, str]]:
    """Method and path of every route of the application, with a value for each parameter.

    HEAD is left out: it is answered wherever GET is.
    """
    return sorted((route.method, path_of(route)) for route in ALL_ROUTES)
