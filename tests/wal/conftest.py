"""Fixtures of the log's tests."""

from __future__ import annotations

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """The log runs on asyncio."""
    return "asyncio"
