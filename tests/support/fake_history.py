"""The fake server's tags, its purge, and what it tells of its recovery."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class History:
    """Remembers tags."""

    def __init__(self) -> None:
        self.named: list[dict[str, Any]] = []

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Method, path and handler of each call."""
        return [
            ("POST", "/v1/tags", self.tag),
            ("GET", "/v1/tags", self.tags),
            ("DELETE", "/v1/tags/{name}", self.untag),
            ("POST", "/v1/purge", self.purge),
            ("GET", "/v1/recovery", self.recovery),
        ]

    async def tag(self, request: web.Request) -> web.Response:
        self.named.append(await request.json() | {"lsn": 7, "made_ms": 5, "vectors": 1, "bytes": 10})
        return web.json_response(self.named[-1], status=201)

    async def tags(self, request: web.Request) -> web.Response:
        return web.json_response({"tags": self.named})

    async def untag(self, request: web.Request) -> web.Response:
        found = [each for each in self.named if each["name"] == request.match_info["name"]]
        if not found:
            return web.json_response({"error": "there is none", "code": "no_tag"}, status=404)
        self.named.remove(found[0])
        return web.Response(status=204)

    async def purge(self, request: web.Request) -> web.Response:
        names = [each["name"] for each in self.named]
        self.named.clear()
        told = {"lsn": 7, "segments_rewritten": 2, "rows_erased": 3, "log_first_lsn": 8}
        return web.json_response(told | {"tags_removed": names, "files_removed": 0, "not_ours": []})

    async def recovery(self, request: web.Request) -> web.Response:
        told: dict[str, Any] = dict.fromkeys(("cut_from", "cut_offset", "cut_reason", "kept_as"))
        told |= dict.fromkeys(("checkpoint_lsn", "segments", "segment_rows", "log_first_lsn"), 4)
        told |= {"durable_lsn": 9, "records_replayed": 5, "bytes_cut": 0, "checking_s": 0.5, "replaying_s": 1}
        lost = {
            "segment": 2,
            "rows": 7,
            "lsn": 4,
            "least_id": 1,
            "greatest_id": 2**64 - 1,
            "reason": "a flip",
        }
        records = {"first_lsn": 6, "last_lsn": None, "kept": ["6.wal.0.broken"], "time_ms": 5}
        losses = {"segments": [lost | {"reason": "a flip", "kept": [], "time_ms": 5}], "records": [records]}
        told |= {"mode": "salvage", "mended": ["one thing"], "losses": losses, "of_a_newer_server": True}
        return web.json_response(told, headers={"X-Asteroid-LSN": "9"})
