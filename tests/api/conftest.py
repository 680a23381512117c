"""A store in a fresh directory, and the whole application over it, without a socket between."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

import asteroid_cloud.api as api
from asteroid_cloud.api import Store
from asteroid_cloud.api.http.settings import Settings
from asteroid_cloud.api.service.backups import Backups
from tests.support.asgi import app_over
from tests.support.asking import DIM, Http


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """A store with an empty index of four dimensions."""
    async with api.open(tmp_path / "data", dim=DIM) as store:
        store.served.backups = Backups(store.engine, str(tmp_path / "backups"))
        yield store


@pytest.fixture
async def http(store: Store) -> AsyncIterator[Http]:
    """Sends requests to the application that serves the store."""
    app = app_over(Settings(data=store.path), store)
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]  # the application's own ASGI types
    kind = {"Content-Type": "application/json"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=kind) as client:
        yield Http(client)
