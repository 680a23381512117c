"""A disk that fails at one operation, or from one on: nobody is told anything that does not hold.

After a failed sync nothing is acknowledged; on a full disk writes are refused until there is room.
``make crash`` fails every operation in every way.
"""

from __future__ import annotations

from itertools import count

import pytest

from tests.file_layers import Fault
from tests.power.failing import fail_at


@pytest.mark.parametrize("for_ever", [False, True], ids=["once", "for ever"])
@pytest.mark.parametrize(
    ("fault", "kinds", "step"),
    [
        (Fault.IO_ERROR, ("sync", "sync_dir"), 1),
        (Fault.IO_ERROR, (), 7),
        (Fault.SHORT_NO_SPACE, ("create", "write"), 5),
        (Fault.NO_SPACE, ("write",), 7),
        (Fault.SHORT_IO_ERROR, ("write",), 7),
    ],
    ids=["sync", "any", "full", "full at once", "torn"],
)
def test_an_operation_that_fails(fault: Fault, kinds: tuple[str, ...], step: int, for_ever: bool) -> None:
    for number in count(1, step):
        if not fail_at(number, fault, *kinds, for_ever=for_ever):
            break
    assert number > 25, "the run has so many operations"
