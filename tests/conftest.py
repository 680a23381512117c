"""What all tests share, and how several processes share the tests."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

from tests.support.machine_lock import holding_the_machine
from tests.support.running_order import dealt


@pytest.fixture
def anyio_backend() -> str:
    """Asynchronous tests run on asyncio, as the product does."""
    return "asyncio"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is marked ``slow_first`` begins first, what is marked ``serial`` comes last."""
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    items.sort(key=lambda item: item.get_closest_marker("serial") is not None)
    items[:] = dealt(items, lambda item: item.get_closest_marker("slow_first") is not None, processes)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """What is marked ``serial`` runs alone; the time that a test waits for that is not its own."""
    with holding_the_machine(alone=item.get_closest_marker("serial") is not None):
        return (yield)
