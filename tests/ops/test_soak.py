"""The checks of the soak test can fail: growth of each kind is detected."""

from __future__ import annotations

import pytest

from ops.crash import Violation
from ops.soak import Seen

MINUTES = [0.0, 1.0, 2.0, 3.0]


def test_what_stays_as_it_is_passes() -> None:
    seen = Seen(MINUTES, [60.0, 61.0, 60.0, 61.0], [30, 34, 30, 31], [5.0, 6.0, 5.0, 5.5])
    assert "34 files" in seen.judge()


@pytest.mark.parametrize(
    ("memory", "files", "data"),
    [
        ([60.0, 62.0, 64.0, 66.0], [30] * 4, [5.0] * 4),
        ([60.0] * 4, [30, 40, 60, 90], [5.0] * 4),
        ([60.0] * 4, [30] * 4, [5.0, 30.0, 60.0, 90.0]),
    ],
    ids=["memory", "files", "data"],
)
def test_growth_is_seen(memory: list[float], files: list[int], data: list[float]) -> None:
    with pytest.raises(Violation):
        Seen(MINUTES, memory, files, data).judge()
