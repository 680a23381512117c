"""Calls to one collection over a connection that stays open; bodies are made before anything is timed."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from ops.bench.data import Vectors

BODIES = 16


class Wire:
    """One connection to the server."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=120)

    def ask(self, method: str, path: str, body: bytes | None = None) -> Any:
        """The decoded answer; raises RuntimeError for any that is no success."""
        status, answer = self.try_ask(method, path, body)
        if not 200 <= status < 300:
            raise RuntimeError(f"{method} {path}: {status} {answer!r:.300}")
        return json.loads(answer) if answer else None

    def try_ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Status and body, whatever they are."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()


def vectors(rows: int, dim: int, seed: int) -> Vectors:
    """Random unit vectors."""
    drawn = np.random.default_rng(seed).normal(size=(rows, dim)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def batch(first: int, rows: Vectors) -> bytes:
    """The body of a batch with ids from ``first`` on."""
    items = [
        {"id": first + place, "vector": [round(float(value), 5) for value in row]}
        for place, row in enumerate(rows)
    ]
    return json.dumps({"items": items}).encode()


def searches(dim: int, seed: int) -> list[bytes]:
    """Bodies of searches."""
    return [json.dumps({"vector": row.tolist(), "k": 10}).encode() for row in vectors(BODIES, dim, seed)]


def search_for(wire: Wire, name: str, bodies: list[bytes], seconds: float) -> list[float]:
    """Searches one after the other; how long each took, in seconds."""
    path, taken, until_s = f"/v1/collections/{name}/search", list[float](), time.perf_counter() + seconds
    while (began_s := time.perf_counter()) < until_s:
        wire.ask("POST", path, bodies[len(taken) % len(bodies)])
        taken.append(time.perf_counter() - began_s)
    return taken
