"""Who is dead, now and as of an earlier record."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from asteroid_cloud.indexer.model.deletions import Deletions, listed
from asteroid_cloud.wal.lsn import Lsn

ROWS = 37


def some(*rows: int) -> np.ndarray:
    return np.array(rows, np.uint32)


def test_nobody_is_dead_at_first() -> None:
    assert Deletions(ROWS).alive(ROWS) is None


def test_the_alive_bits_end_with_the_rows() -> None:
    dead = Deletions(64)
    dead.mark_deleted(Lsn(1), some(0, 9))
    alive = dead.alive(11)
    assert alive is not None
    assert np.unpackbits(alive, bitorder="little").tolist() == [0, *[1] * 8, 0, 1, 0, 0, 0, 0, 0]


@given(st.lists(st.sets(st.integers(0, ROWS - 1)), max_size=8), st.integers(0, 9), st.integers(0, 9))
def test_the_past_is_what_it_was(kills: list[set[int]], forget: int, look: int) -> None:
    dead, gone = Deletions(ROWS), set[int]()
    history: list[set[int]] = [set()]
    for number, rows in enumerate(kills, 1):
        fresh = sorted(rows - gone)
        dead.mark_deleted(Lsn(number), some(*fresh))
        gone |= rows
        history.append(set(gone))
    forget = min(forget, len(kills))
    look = min(max(look, forget), len(kills))
    dead.forget(Lsn(forget))
    assert dead.count == len(gone)
    assert set(listed(dead.dead_as_of(Lsn(look)), ROWS).tolist()) == history[look]
    assert set(listed(dead.dead_as_of(Lsn(99)), ROWS).tolist()) == gone
