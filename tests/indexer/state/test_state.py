"""Which memtables are sealed next, and how far they complete the index."""

from __future__ import annotations

import numpy as np
import pytest

from asteroid_cloud.indexer import EngineOptions
from asteroid_cloud.indexer.memory.budget import MemoryBudget
from asteroid_cloud.indexer.state.apply_record import apply_record
from asteroid_cloud.indexer.state.state import State
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.format import IndexCreated, Record, VectorsUpserted
from tests.support.engines import u64


def filled(rows: int) -> State:
    """A state of so many rows, one a record from record 2 on, in memtables of four."""
    state = State(EngineOptions(seal_rows=4), MemoryBudget(), lambda event: [])
    apply_record(state, Record(Lsn(1), 0, IndexCreated(2, "l2")))
    for lsn in range(2, 2 + rows):
        event = VectorsUpserted(u64(lsn).tobytes(), np.ones(2, "<f4").tobytes())
        apply_record(state, Record(Lsn(lsn), 0, event))
    return state


@pytest.mark.parametrize(
    ("rows", "most", "rows_max", "frozen", "lsn"),
    [
        (3, 3, 100, [3], 4),  # the only one is closed, although it is not full
        (6, 3, 100, [4], 5),  # the last one grows on
        (14, 1, 100, [4], 5),
        (14, 2, 100, [4, 4], 9),
        (14, 9, 100, [4, 4, 4], 13),
        (14, 9, 11, [4, 4], 9),
        (14, 9, 1, [4], 5),  # one is sealed however large it is
    ],
)
def test_several_memtables_that_wait_are_frozen_together(
    rows: int, most: int, rows_max: int, frozen: list[int], lsn: int
) -> None:
    state = filled(rows)
    found = state.freeze_oldest(most, rows_max)
    assert found is not None
    assert [memtable.rows for memtable in found[0]] == frozen
    assert found[1] == lsn
    assert state.queued == (rows - 1) // 4 or rows == 3
