"""What all tests share, and how several processes share the tests."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
from hypothesis import settings

from tests.support.machine_lock import holding_the_machine
from tests.support.running_order import dealt

SLOW_S_MAX = 900
"""For a test that is long by design, on a machine that is busy with others."""

settings.register_profile("asteroid", deadline=None)  # no test asserts how fast this machine is now
settings.load_profile("asteroid")


def is_marked(item: pytest.Item, name: str) -> bool:
    """Whether a test, its class or its module has the mark."""
    return item.get_closest_marker(name) is not None


@pytest.fixture
def anyio_backend() -> str:
    """Asynchronous tests run on asyncio, as the product does."""
    return "asyncio"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are processors: tests wait for servers a good part of their time."""
    return len(os.sched_getaffinity(0)) + 1


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is marked ``slow_first`` begins first and may take long, what is marked ``serial`` comes last."""
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    items.sort(key=lambda item: is_marked(item, "serial"))
    items[:] = dealt(items, lambda item: is_marked(item, "slow_first"), processes)
    for item in items:
        if is_marked(item, "slow_first") and not is_marked(item, "timeout"):
            item.add_marker(pytest.mark.timeout(SLOW_S_MAX))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """What is marked ``serial`` runs alone; the time that a test waits for that is not its own."""
    with holding_the_machine(alone=is_marked(item, "serial")):
        return (yield)
