"""Sends ASGI messages to an application by hand, also such as no HTTP client would send."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import anyio
import msgspec

from asteroid_cloud.api.http.app import create_app
from asteroid_cloud.api.http.middleware import RequestGuard
from asteroid_cloud.api.http.settings import Settings
from asteroid_cloud.api.service.metrics import Metrics
from asteroid_cloud.api.service.results import Stats
from asteroid_cloud.indexer import IndexSpec, MemoryUse, Phase, Recovery
from asteroid_cloud.wal.errors import AsteroidError
from tests.support.only import only

STATS = Stats(
    vectors=7,
    dim=4,
    metric="l2",
    segments=1,
    segment_rows=5,
    tombstones=2,
    tail_rows=2,
    rows_lost=0,
    tail_bytes=64,
    lag_records=1,
    lag_seconds=0.5,
    log_bytes=128,
    segment_bytes=256,
    last_lsn=9,
    durable_lsn=9,
    checkpoint_lsn=8,
    memory_budget_bytes=1024,
    merging=False,
    building=[],
    memory=MemoryUse(
        tail_vectors=64,
        tail_payloads=0,
        tail_ids=32,
        tombstones=2,
        directories=16,
        graphs=0,
        log_buffers=0,
        mapped=256,
        mapped_cached=128,
    ),
    memory_bytes=4096,
    lsn=9,
    kernels="portable",
)


NOTHING_FOUND = Recovery(
    checkpoint_lsn=8,
    segments=1,
    segment_rows=5,
    log_first_lsn=1,
    durable_lsn=9,
    records_replayed=1,
    bytes_cut=0,
    cut_from=None,
    cut_offset=None,
    cut_reason=None,
    kept_as=None,
    checking_s=0.1,
    replaying_s=0.1,
)


class FakeEngine:
    """As much of an engine as the application around the routes uses."""

    def __init__(self) -> None:
        self.phase = Phase("ready", 1.0, "ready")
        self.failure: AsteroidError | None = None
        self.spec: IndexSpec | None = IndexSpec(4, "l2")
        self.trouble: Exception | None = None
        self.recovery = NOTHING_FOUND

    @property
    def applied_lsn(self) -> int:
        """The newest record; raises ``trouble`` if it is set."""
        if self.trouble is not None:
            raise self.trouble
        return 9


class FakeCollection:
    """A collection that has an engine and little else."""

    def __init__(self) -> None:
        self.name = "default"
        self.engine = FakeEngine()

    def check_index_made(self) -> None:
        """Never waits for an index."""

    async def stats(self) -> Stats:
        """Always the same figures."""
        return STATS

    @property
    def reads(self) -> Any:
        """Fails as a bug of the server would, or as the engine's trouble says."""
        raise self.engine.trouble or ZeroDivisionError("a secret of the server")


class Answered(msgspec.Struct):
    """An answer as it came."""

    status: int
    headers: dict[str, str]
    body: bytes
    is_finished: bool

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The error's code; fails unless the body has the one error shape."""
        assert self.headers["content-type"] == "application/json"
        told = self.json
        assert isinstance(told["error"], str)
        assert told["error"]
        return str(told["code"])


def shell(
    collection: FakeCollection | None = None, metrics: Metrics | None = None, **settings: Any
) -> RequestGuard:
    """The whole application over a fake collection."""
    chosen = Settings(**{"data": "unused", **settings})
    standing_in: Any = collection or FakeCollection()
    return create_app(chosen, only(standing_in), metrics)


async def ask(
    app: RequestGuard,
    method: str,
    path: str,
    parts: Iterable[bytes] = (),
    *,
    key: str | None = None,
    headers: dict[str, str] | None = None,
    ends: bool = True,
    on_part: Callable[[bytes], None] | None = None,
) -> Answered:
    """One request whose body arrives in ``parts``; without ``ends`` the client then sends nothing more."""
    supply = iter([*parts])
    sent = dict(headers or {})
    if key is not None:
        sent["authorization"] = f"Bearer {key}"
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "http_version": "1.1",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
        "client": ("127.0.0.1", 5),
        "server": ("127.0.0.1", 8000),
    }
    got = Answered(0, {}, b"", False)
    is_over, is_answered = False, anyio.Event()

    async def receive() -> Any:
        nonlocal is_over
        part = next(supply, None)
        if part is None and (is_over or not ends):
            await is_answered.wait()
            return {"type": "http.disconnect"}
        is_over = part is None
        if part is not None and on_part is not None:
            on_part(part)
        return {"type": "http.request", "body": part or b"", "more_body": part is not None}

    async def send(message: Any) -> None:
        assert not got.is_finished
        if message["type"] == "http.response.start":
            got.status = message["status"]
            got.headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
        else:
            got.body += message.get("body", b"")
            got.is_finished = not message.get("more_body", False)
            if got.is_finished:
                is_answered.set()

    await app(scope, receive, send)  # type: ignore[arg-type]  # a plain dict is what servers pass
    return got
