"""Bitmaps over rows: finding a set row by its number."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asteroid_cloud.query.selection.bitmaps import nth_set, pack


@given(st.lists(st.booleans(), min_size=1, max_size=200))
def test_the_nth_set_row_is_the_nth_of_all_set_rows(flags: list[bool]) -> None:
    rows = np.flatnonzero(flags)
    numbers = np.arange(len(rows), dtype=np.int64)
    assert nth_set(pack(np.array(flags)), numbers).tolist() == rows.tolist()


@pytest.mark.parametrize("rows", [8, 64, 1000])
def test_few_of_many_rows(rows: int) -> None:
    bits = pack(np.arange(rows) % 3 == 1)
    wanted = np.array([0, 1, len(range(1, rows, 3)) - 1], np.int64)
    assert nth_set(bits, wanted).tolist() == (3 * wanted + 1).tolist()
