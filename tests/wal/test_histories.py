"""Which positions a store abandons, how many records there are, and where the next history begins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asteroid_cloud.wal.errors import Conflict
from asteroid_cloud.wal.histories import FIRST_HISTORY, Branch, Histories, count_between, first_of_next
from asteroid_cloud.wal.lsn import HISTORY_LSNS, LSN_MAX, Lsn

A, B = b"a" * 16, b"b" * 16
TWICE = Histories(
    (
        Branch(Lsn(5), Lsn(HISTORY_LSNS), A),
        Branch(Lsn(HISTORY_LSNS + 3), Lsn(4 * HISTORY_LSNS), B),
    )
)
"""Records 1 to 5, four of a second history, and a third one."""


@pytest.mark.parametrize(
    ("lsn", "branched_at"),
    [
        *((good, None) for good in (0, 1, 5, HISTORY_LSNS, HISTORY_LSNS + 3, 4 * HISTORY_LSNS, LSN_MAX)),
        (6, 5),
        (HISTORY_LSNS - 1, 5),
        (HISTORY_LSNS + 4, HISTORY_LSNS + 3),
        (4 * HISTORY_LSNS - 1, HISTORY_LSNS + 3),
    ],
)
def test_positions_between_two_histories_are_refused(lsn: int, branched_at: int | None) -> None:
    if branched_at is None:
        TWICE.check(lsn)
        return
    with pytest.raises(Conflict) as refused:
        TWICE.check(lsn)
    assert refused.value.code == "other_history"
    began_at = HISTORY_LSNS if branched_at == 5 else 4 * HISTORY_LSNS
    assert refused.value.details == {"branched_at": branched_at, "began_at": began_at}
    FIRST_HISTORY.check(lsn)


def exists(lsn: int) -> bool:
    return lsn <= 5 or HISTORY_LSNS <= lsn <= HISTORY_LSNS + 3 or lsn >= 4 * HISTORY_LSNS


NEAR = st.builds(
    lambda base, more: max(0, base + more),
    st.sampled_from([0, HISTORY_LSNS, 4 * HISTORY_LSNS]),
    st.integers(-4, 9),
)


@given(NEAR, NEAR)
def test_records_are_counted_across_jumps(after: int, until: int) -> None:
    near = [base + more for base in (0, HISTORY_LSNS, 4 * HISTORY_LSNS) for more in range(-4, 10)]
    expected = sum(exists(lsn) for lsn in near if after < lsn <= until)
    assert count_between(TWICE.branches, after, until) == TWICE.count(after, until) == expected


def test_a_history_begins_at_the_next_multiple() -> None:
    assert first_of_next(0) == first_of_next(HISTORY_LSNS - 1) == HISTORY_LSNS
    assert first_of_next(HISTORY_LSNS) == 2 * HISTORY_LSNS
    with pytest.raises(Conflict) as refused:
        first_of_next(LSN_MAX)
    assert (refused.value.code, refused.value.details["limit"]) == ("too_many_histories", 8192)


def test_the_name_is_that_of_the_newest_history() -> None:
    assert (FIRST_HISTORY.store(A), TWICE.store(A)) == (A, B)
    assert TWICE.up_to(HISTORY_LSNS + 9).store(B) == A


def test_what_is_an_earlier_state_of_what() -> None:
    first, second = Histories(TWICE.branches[:1]), HISTORY_LSNS + 3
    assert TWICE.holds(FIRST_HISTORY, 5)
    assert not TWICE.holds(FIRST_HISTORY, 6), "the other store went on"
    assert TWICE.holds(first, second)
    assert not TWICE.holds(first, second + 1)
    assert TWICE.holds(TWICE, LSN_MAX)
    assert not first.holds(TWICE, 1)
    others = Histories((Branch(Lsn(5), Lsn(HISTORY_LSNS), B),))
    assert not TWICE.holds(others, HISTORY_LSNS), "restored from the same backup, but another store"
