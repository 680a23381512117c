"""In which order tests run: the slowest begin first, so that no processor is idle while the last one ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import TypeVar

Test = TypeVar("Test")


def dealt(tests: Sequence[Test], is_slow: Callable[[Test], bool], processes: int) -> list[Test]:
    """The tests in as many equal stretches as there are processes, the slow ones first in each.

    pytest-xdist gives each process one stretch (``--dist worksteal``). A process that has finished takes
    half of what another has left, from its end. In a stretch, tests stay beside those of their module.
    """
    slow = [test for test in tests if is_slow(test)]
    quick = iter([test for test in tests if not is_slow(test)])
    order: list[Test] = []
    for process in range(processes):
        order += slow[process::processes]
        end = len(tests) * (process + 1) // processes
        order += islice(quick, max(0, end - len(order)))
    return order
