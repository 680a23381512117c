"""The table of remembered requests: what is found, what is forgotten, and what a manifest holds of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asteroid_cloud.indexer.limits import ANSWER_KEPT_BYTES_MAX, ANSWERS_BYTES_MAX
from asteroid_cloud.indexer.model.results import DONE
from asteroid_cloud.indexer.state import requests as module
from asteroid_cloud.indexer.state.requests import RequestTable
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.errors import CorruptionError, InvalidRequest
from asteroid_cloud.wal.format import IndexDeleted, Record, RequestAnswered, RequestKey

AGE_MS = 1000


def key(number: int, digest: int = 0, done: int | None = None) -> RequestKey:
    return RequestKey(number.to_bytes(16, "big"), digest.to_bytes(8, "big"), done)


def note(table: RequestTable, lsn: int, request: RequestKey, affected: int = 1, time_ms: int = 0) -> None:
    table.note(Record(Lsn(lsn), time_ms, IndexDeleted(), request=request), affected)


def found(table: RequestTable, number: int, now_ms: int = 0) -> tuple[int, int] | None:
    known = table.find(key(number), now_ms)
    return None if known is None else (known.lsn, known.affected)


def test_a_request_is_found_with_what_its_answer_needs() -> None:
    table = RequestTable(10, AGE_MS)
    note(table, 7, key(1), 3)
    known = table.find(key(1), 0)
    assert known is not None
    assert (known.lsn, known.affected, known.is_whole, known.status) == (7, 3, True, DONE)
    assert table.find(key(2), 0) is None


def test_the_same_key_with_another_request_is_refused() -> None:
    table = RequestTable(10, AGE_MS)
    note(table, 7, key(1))
    with pytest.raises(InvalidRequest) as refused:
        table.find(key(1, 9), 0)
    assert refused.value.code == "idempotency_mismatch"


def test_a_request_is_forgotten_after_its_time() -> None:
    table = RequestTable(10, AGE_MS)
    note(table, 7, key(1), time_ms=5000)
    assert found(table, 1, 5000 + AGE_MS - 1) == (7, 1)
    assert found(table, 1, 5000 + AGE_MS) is None
    assert table.find(key(1, 9), 5000 + AGE_MS) is None


def test_a_forgotten_key_may_come_again_for_another_request() -> None:
    table = RequestTable(10, AGE_MS)
    note(table, 7, key(1), time_ms=0)
    note(table, 8, key(1, 9), time_ms=AGE_MS)
    known = table.find(key(1, 9), AGE_MS)
    assert known is not None
    assert known.lsn == 8


def test_parts_add_up_and_the_answer_ends_them() -> None:
    table = RequestTable(10, AGE_MS)
    note(table, 1, key(1, done=0), 5)
    note(table, 2, key(2))
    note(table, 3, key(1, done=5), 4)
    known = table.find(key(1), 0)
    assert known is not None
    assert (known.affected, known.is_whole) == (9, False)
    table.note(Record(Lsn(4), 0, RequestAnswered(200, 3, b"{}"), request=key(1)), 0)
    known = table.find(key(1), 0)
    assert known is not None
    assert (known.lsn, known.is_whole, known.status, known.answer) == (3, True, 200, b"{}")
    assert len(table) == 2


def test_nothing_is_remembered_when_the_setting_says_so() -> None:
    for table in (RequestTable(0, AGE_MS), RequestTable(10, 0)):
        note(table, 1, key(1))
        assert found(table, 1) is None
        assert table.pack(Lsn(9)) == b""


@given(st.lists(st.integers(0, 30), max_size=120), st.integers(1, 20))
def test_the_newest_are_found_however_rows_are_looked_up(numbers: list[int], keys_max: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "RECENT_MAX", 4)
        table = RequestTable(keys_max, AGE_MS)
        model: dict[int, tuple[int, int]] = {}
        for lsn, number in enumerate(numbers, 1):
            note(table, lsn, key(number), lsn)
            model[number] = (lsn, lsn)
            while len(model) > keys_max:
                del model[next(iter(model))]
            again = RequestTable(keys_max, AGE_MS)
            again.load(table.pack(Lsn(lsn)))
            for each in range(31):
                assert found(table, each) == model.get(each) == found(again, each)
            assert len(table) == len(again) == len(model)


def test_a_manifest_holds_what_had_begun_by_its_record() -> None:
    table = RequestTable(10, AGE_MS)
    note(table, 1, key(1))
    note(table, 2, key(2, done=0), 5)
    note(table, 5, key(3))
    table.note(Record(Lsn(6), 0, RequestAnswered(200, 4, b"{}"), request=key(2)), 0)
    as_of = RequestTable(10, AGE_MS)
    as_of.load(table.pack(Lsn(4)))
    assert found(as_of, 1) == (1, 1)
    assert found(as_of, 3) is None
    known = as_of.find(key(2), 0)
    assert known is not None
    assert (known.is_whole, known.status) == (False, DONE)


def test_a_smaller_table_takes_the_newest_of_a_larger_one() -> None:
    table, small = RequestTable(10, AGE_MS), RequestTable(2, AGE_MS)
    for number in range(1, 6):
        table.note(Record(Lsn(number), 0, RequestAnswered(404, 1, b"%d" % number), request=key(number)), 0)
    small.load(table.pack(Lsn(9)))
    answers = [small.find(key(number), 0) for number in range(1, 6)]
    assert [each and each.answer for each in answers] == [None, None, None, b"4", b"5"]


def test_what_is_too_old_is_not_in_a_manifest() -> None:
    table = RequestTable(10, AGE_MS)
    note(table, 1, key(1), time_ms=0)
    note(table, 2, key(2), time_ms=AGE_MS)
    again = RequestTable(10, AGE_MS)
    again.load(table.pack(Lsn(9)))
    assert len(again) == 1


def test_answers_have_a_bound_in_bytes() -> None:
    table = RequestTable(100_000, AGE_MS)
    text = b"x" * ANSWER_KEPT_BYTES_MAX
    count = ANSWERS_BYTES_MAX // len(text) + 10
    for number in range(count):
        table.note(Record(Lsn(number + 1), 0, RequestAnswered(404, 1, text), request=key(number)), 0)
    assert table.ram_bytes < 2 * ANSWERS_BYTES_MAX
    assert [table.find(key(number), 0) is not None for number in (9, 10)] == [False, True]


@pytest.mark.parametrize("contents", [b"\x00", b"\x92\xc4\x01x\x80"])
def test_a_manifest_with_other_contents_is_damaged(contents: bytes) -> None:
    with pytest.raises(CorruptionError):
        RequestTable(10, AGE_MS).load(contents)
