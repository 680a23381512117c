"""A server with just enough of the wire contract to test clients against, in a thread of its own.

It records what arrives, and can be told to answer the next requests badly or not at all.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, NamedTuple, Self

from aiohttp import web

from tests.support.fake_history import History

KEY = "sk-test"
Step = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Seen(NamedTuple):
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    connection: object


class Refused(Exception):
    """An error answer of the contract."""

    def __init__(self, status: int, code: str, **details: object) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.details = details


class FakeServer:
    """The server; ``script`` holds what to do with the next requests in place of answering them."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.script: deque[Step] = deque()
        self.rows: dict[int, dict[str, Any]] = {}
        self.index: dict[str, Any] | None = None
        self.lsn = 0
        self.bulk_pieces: list[int] = []
        self.bulk_bytes = b""
        self.release = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._runner: web.AppRunner | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release.set()
        self.stop()
        asyncio.run_coroutine_threadsafe(self._settle(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def stop(self) -> None:
        """Close the listening socket and all connections."""
        if self._runner is not None:
            asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._runner = None

    async def _settle(self) -> None:
        """Let everything end that a connection cut at a bad moment may have left under way."""
        await self._loop.shutdown_default_executor()
        for seen in self.seen:
            assert isinstance(seen.connection, asyncio.Transport)
            seen.connection.abort()
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others)
        for _ in range(3):  # a transport closes its socket a turn or two after it is told to
            await asyncio.sleep(0)

    def cut(self, seen: Seen) -> None:
        """Close the connection that a request came by."""

        async def close() -> None:
            assert isinstance(seen.connection, asyncio.Transport)
            seen.connection.close()
            await asyncio.sleep(0)  # the transport closes its socket in the next turn

        asyncio.run_coroutine_threadsafe(close(), self._loop).result(10)

    async def _start(self) -> None:
        app = web.Application(middlewares=[self.guard], client_max_size=1 << 30)
        for method, path, handler in (
            ("GET", "/health", self.health),
            ("GET", "/ready", self.ready),
            ("PUT", "/v1/index", self.create_index),
            ("GET", "/v1/index", self.get_index),
            ("DELETE", "/v1/index", self.delete_index),
            ("GET", "/v1/stats", self.stats),
            ("POST", "/v1/vectors", self.insert),
            ("POST", "/v1/vectors/batch", self.insert_batch),
            ("POST", "/v1/vectors/fetch", self.fetch),
            ("POST", "/v1/vectors/delete", self.delete_many),
            ("POST", "/v1/vectors/patch", self.merge_many),
            ("POST", "/v1/vectors/scroll", self.scroll),
            ("POST", "/v1/count", self.count),
            ("POST", "/v1/backup", self.backup),
            ("GET", "/v1/backup", self.backups),
            *History().routes(),
            ("POST", "/v1/facets", self.facets),
            ("POST", "/v1/range", self.field_range),
            ("POST", "/v1/search", self.search),
            ("POST", "/v1/search/batch", self.search_batch),
            ("POST", "/v1/build/bulk", self.bulk),
            ("PUT", "/v1/vectors/{id}", self.upsert),
            ("GET", "/v1/vectors/{id}", self.get),
            ("DELETE", "/v1/vectors/{id}", self.delete),
            ("GET", "/v1/vectors/{id}/payload", self.get_payload),
            ("PUT", "/v1/vectors/{id}/payload", self.set_payload),
            ("PATCH", "/v1/vectors/{id}/payload", self.merge_payload),
        ):
            app.router.add_route(method, path, handler)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = "http://{}:{}".format(*self._runner.addresses[0][:2])

    @web.middleware
    async def guard(self, request: web.Request, handler: Step) -> web.StreamResponse:
        """Record, follow the script, check the key, and give errors their one shape."""
        body: Any = None
        if request.content_type == "application/json":
            body = json.loads(await request.read())
        connection = request.transport
        self.seen.append(Seen(request.method, request.path, dict(request.headers), body, connection))
        try:
            if self.script:
                return await self.script.popleft()(request)
            if request.path.startswith("/v1") and request.headers.get("Authorization") != f"Bearer {KEY}":
                raise Refused(401, "unauthorized")  # noqa: TRY301 - one place turns errors into answers
            response = await handler(request)
        except Refused as error:
            return refusal(error)
        response.headers["X-Asteroid-LSN"] = str(self.lsn)
        return response

    def written(self, status: int = 200, /, **fields: object) -> web.Response:
        """The answer to a write."""
        self.lsn += 1
        return web.json_response({**fields, "lsn": self.lsn}, status=status)

    def row(self, request: web.Request) -> dict[str, Any]:
        """The stored row that the path names."""
        if self.index is None:
            raise Refused(409, "index_not_initialized")
        row = self.rows.get(int(request.match_info["id"]))
        if row is None:
            raise Refused(404, "not_found")
        return row

    def put(self, id: int, item: dict[str, Any]) -> None:
        """Store one vector by the payload rules."""
        kept = self.rows.get(id, {}).get("payload", {})
        self.rows[id] = {"id": id, "vector": item["vector"], "payload": item.get("metadata", kept)}

    def matching(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        """The rows that a filter of plain equalities lets through."""
        wanted = body.get("filter", {}).items()
        rows = [self.rows[id] for id in sorted(self.rows)]
        return [row for row in rows if all(row["payload"].get(name) == value for name, value in wanted)]

    def shown(self, row: dict[str, Any], body: dict[str, Any], **more: object) -> dict[str, Any]:
        """A row with what ``include`` asks for."""
        return {"id": row["id"], **more, **{name: row[name] for name in body.get("include", ())}}

    def found(self, body: dict[str, Any]) -> dict[str, Any]:
        """The answer to one search, distances by brute force."""
        query = body["vector"] if "vector" in body else self.rows[body["id"]]["vector"]
        near = [
            (sum((a - b) ** 2 for a, b in zip(query, row["vector"], strict=True)) ** 0.5, row["id"], row)
            for row in self.matching(body)
        ]
        first = body.get("offset", 0)
        best = sorted(near)[first : first + body["k"]]
        kept = [each for each in best if each[0] <= body.get("max_distance", 1e300)]
        hits = [self.shown(row, body, distance=distance) for distance, _, row in kept]
        return {"results": hits, "explain": {"plan": "scan"}} if body.get("explain") else {"results": hits}

    async def health(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def ready(self, request: web.Request) -> web.Response:
        if self.index is None:
            raise Refused(503, "not_ready", phase="recovering", progress=0.5)
        return web.json_response({"status": "ok"})

    async def create_index(self, request: web.Request) -> web.Response:
        if self.index is not None:
            raise Refused(409, "index_already_initialized")
        self.index = dict(await request.json())
        return self.written(**self.index, initialized=True)

    async def get_index(self, request: web.Request) -> web.Response:
        known = self.index or {"dim": None, "metric": None}
        return web.json_response({"initialized": self.index is not None, **known})

    async def delete_index(self, request: web.Request) -> web.Response:
        self.index = None
        self.rows.clear()
        return self.written(initialized=False)

    async def stats(self, request: web.Request) -> web.Response:
        known = self.index or {"dim": None, "metric": None}
        return web.json_response({"vectors": len(self.rows), **known, "memory_bytes": 7, "segments": 3})

    async def insert(self, request: web.Request) -> web.Response:
        item = await request.json()
        self.put(item["id"], item)
        return self.written(201, id=item["id"])

    async def upsert(self, request: web.Request) -> web.Response:
        id = int(request.match_info["id"])
        self.put(id, await request.json())
        return self.written(id=id)

    async def get(self, request: web.Request) -> web.Response:
        row = self.row(request)
        return web.json_response({"id": row["id"], "vector": row["vector"]})

    async def delete(self, request: web.Request) -> web.Response:
        self.rows.pop(int(request.match_info["id"]), None)
        self.lsn += 1
        return web.Response(status=204)

    async def get_payload(self, request: web.Request) -> web.Response:
        return web.json_response(self.row(request)["payload"])

    async def set_payload(self, request: web.Request) -> web.Response:
        row = self.row(request)
        row["payload"] = await request.json()
        return self.written(id=row["id"])

    async def merge_payload(self, request: web.Request) -> web.Response:
        row = self.row(request)
        merged = {**row["payload"], **await request.json()}
        row["payload"] = {name: value for name, value in merged.items() if value is not None}
        return self.written(id=row["id"])

    async def insert_batch(self, request: web.Request) -> web.Response:
        items = (await request.json())["items"]
        for place, item in enumerate(items):
            if len(item["vector"]) != len(items[0]["vector"]):
                raise Refused(400, "bad_item", index=place)
        for item in items:
            self.put(item["id"], item)
        return self.written(201, inserted=len(items))

    async def fetch(self, request: web.Request) -> web.Response:
        body = await request.json()
        rows = [self.shown(self.rows[id], body) for id in body["ids"] if id in self.rows]
        return web.json_response({"vectors": rows})

    async def delete_many(self, request: web.Request) -> web.Response:
        body = await request.json()
        chosen = body["ids"] if "ids" in body else [row["id"] for row in self.matching(body)]
        return self.written(deleted=sum(self.rows.pop(id, None) is not None for id in chosen))

    async def merge_many(self, request: web.Request) -> web.Response:
        body = await request.json()
        listed = [self.rows[id] for id in body.get("ids", ()) if id in self.rows]
        chosen = listed if "ids" in body else self.matching(body)
        for row in chosen:
            row["payload"] = {**row["payload"], **body["patch"]}
        return self.written(patched=len(chosen))

    async def scroll(self, request: web.Request) -> web.Response:
        body = await request.json()
        rows = [row for row in self.matching(body) if row["id"] > int(body.get("cursor", -1))]
        page = rows[: body["limit"]]
        cursor = str(page[-1]["id"]) if len(rows) > len(page) else None
        return web.json_response({"vectors": [self.shown(row, body) for row in page], "cursor": cursor})

    async def count(self, request: web.Request) -> web.Response:
        return web.json_response({"count": len(self.matching(await request.json()))})

    def present(self, body: dict[str, Any]) -> tuple[list[Any], dict[str, int]]:
        """The values of a field without dots, and how many rows have it."""
        rows = [row["payload"] for row in self.matching(body)]
        values = [payload[body["field"]] for payload in rows if body["field"] in payload]
        absent = len(rows) - len(values)
        told = {"rows": len(rows), "rows_with_field": len(values), "rows_without_field": absent}
        return values, told

    async def backup(self, request: web.Request) -> web.Response:
        name = (await request.json())["name"]
        if name in self.copies:
            raise Refused(409, "backup_exists")
        self.copies.append(name)
        told = {"lsn": 7, "files": 3, "bytes": 9, "linked_bytes": 0, "seconds": 1}
        return web.json_response(told, status=201)

    async def backups(self, request: web.Request) -> web.Response:
        told = {"lsn": 1, "made_ms": 5, "files": 3, "bytes": 100}
        return web.json_response({"backups": [told | {"name": name} for name in self.copies]})

    async def facets(self, request: web.Request) -> web.Response:
        body = await request.json()
        values, told = self.present(body)
        counted = sorted((-values.count(value), value) for value in set(values))
        top = [{"value": value, "count": -count} for count, value in counted[: body["limit"]]]
        return web.json_response({"values": top, "distinct": len(counted), **told})

    async def field_range(self, request: web.Request) -> web.Response:
        values, told = self.present(await request.json())
        strings = {"rows": len(values), "min": min(values), "max": max(values)} if values else None
        return web.json_response({"numbers": None, "strings": strings, **told})

    async def search(self, request: web.Request) -> web.Response:
        return web.json_response(self.found(await request.json()))

    async def search_batch(self, request: web.Request) -> web.Response:
        searches = (await request.json())["searches"]
        return web.json_response({"results": [self.found(each) for each in searches]})

    async def bulk(self, request: web.Request) -> web.Response:
        if self.rows:
            raise Refused(409, "index_not_empty")
        received = bytearray()
        async for piece in request.content.iter_any():
            self.bulk_pieces.append(len(piece))
            received += piece
        self.bulk_bytes = bytes(received)
        rows = int(request.headers["X-Asteroid-N"])
        tail = self.bulk_bytes[rows * int(request.headers["X-Asteroid-Dim"]) * 4 :]
        report: dict[str, Any] = {"n": rows, "elapsed_ms": 1.5, "vectors_per_sec": 10.0, "threads": 2}
        return self.written(**report, payloads_written=len(json.loads(tail)) if tail else 0)


def refusal(error: Refused, headers: dict[str, str] | None = None) -> web.Response:
    """An error in the contract's shape."""
    body = {"error": f"refused: {error.code}", "code": error.code, **error.details}
    return web.json_response(body, status=error.status, headers=headers)


def refuse(status: int, code: str, retry_after: str | None = None, **details: object) -> Step:
    """A step that answers with an error."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}

    async def step(request: web.Request) -> web.StreamResponse:
        return refusal(Refused(status, code, **details), headers)

    return step


def reply(status: int, body: bytes, content_type: str = "application/json") -> Step:
    """A step that answers with these bytes."""

    async def step(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, body=body, content_type=content_type)

    return step


async def hang_up(request: web.Request) -> web.StreamResponse:
    """A step that closes the connection without an answer."""
    assert request.transport is not None
    request.transport.close()
    return web.Response()
