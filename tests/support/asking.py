"""Sends requests in tests, and checks what all answers have in common."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable
from typing import Any

import httpx
import msgspec

DIM = 4
ZEROS = [0.0] * DIM
OF_SERVER = re.compile(r"/v1/(key|collections(/[^/]+)?|aliases(/[^/]+)?)")
"""What speaks of no log, so that its answers have no LSN."""
LSN_HEADER = "X-Asteroid-LSN"

Content = bytes | AsyncIterable[bytes]


class Http:
    """Sends a request and checks what every answer has in common."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        status: int,
        headers: dict[str, str] | None = None,
    ) -> Any:
        """The JSON of the answer; bytes and streams go out as they are, all else as JSON."""
        content: Any = body
        if not isinstance(body, bytes | AsyncIterable | None):
            content = msgspec.json.encode(body)
        kind = {} if body is None else {"Content-Type": "application/json"}
        answer = await self.client.request(method, path, content=content, headers=kind | (headers or {}))
        assert answer.status_code == status, answer.text
        if status < 300 and not OF_SERVER.fullmatch(path):
            self.lsn = int(answer.headers[LSN_HEADER])
        if status == 204:
            assert answer.content == b""
            return None
        assert answer.headers["Content-Type"].startswith("application/json")
        told = answer.json()
        if status < 300 and "lsn" in told:
            assert told["lsn"] == self.lsn
        return told

    async def refused(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        status: int,
        code: str,
        headers: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """The JSON of an error, which has the one shape of all errors."""
        told = await self.send(method, path, body, status=status, headers=headers)
        assert isinstance(told["error"], str)
        assert told["error"]
        assert told["code"] == code, told
        return dict(told)

    async def insert(self, id: int, vector: list[float], metadata: object = None) -> None:
        """Inserts one vector."""
        body = {"id": id, "vector": vector} | ({} if metadata is None else {"metadata": metadata})
        await self.send("POST", "/v1/vectors", body, status=201)

    async def found(self, **search: object) -> list[int]:
        """The ids that a search finds."""
        told = await self.send("POST", "/v1/search", search, status=200)
        return [hit["id"] for hit in told["results"]]
