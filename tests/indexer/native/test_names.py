"""Names in the core: kept as they are, found, in the order of their bytes, and checked before use."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asteroid_cloud.indexer.model.ids import STRING_IDS
from asteroid_cloud.indexer.native import core
from tests.support.names import NAMES, NASTY

SOME = st.lists(NAMES, unique=True, min_size=1, max_size=30)


def rows_of(names: list[str]) -> core.Rows:
    rows = core.Rows(2, core.Metric.l2, True, 64, 0, has_names=True)
    encoded = core.encode(np.ones((len(names), 2), np.float32), core.Metric.l2, True)
    rows.append(STRING_IDS.of(names), encoded)
    return rows


def text_of(names: list[str]) -> tuple[bytes, np.ndarray[tuple[int], np.dtype[np.uint64]]]:
    encoded = [name.encode("utf-8", "surrogatepass") for name in names]
    return b"".join(encoded), np.cumsum([len(each) for each in encoded], dtype=np.uint64)


@given(SOME)
def test_rows_find_what_they_hold_and_nothing_else(names: list[str]) -> None:
    rows = rows_of(names[: len(names) // 2 + 1])
    held = rows.ids(np.arange(rows.rows, dtype=np.uint32)).tolist()
    assert held == names[: rows.rows]
    expected = [number if number < rows.rows else -1 for number in range(len(names))]
    assert rows.find(STRING_IDS.of(names), rows.rows).tolist() == expected


@given(SOME, st.none() | NAMES, st.integers(0, 40), st.data())
def test_the_first_in_order(names: list[str], after: str | None, wanted: int, data: st.DataObject) -> None:
    rows = rows_of(names)
    bits = data.draw(st.lists(st.booleans(), min_size=len(names), max_size=len(names)))
    mask = np.packbits(bits, bitorder="little")
    ordinals, looked_at = core.first_in_order(rows, rows.rows, mask, after, wanted)
    matching = [name for name, bit in zip(names, bits, strict=True) if bit]
    expected = sorted(matching, key=str.encode)
    if after is not None:
        expected = [name for name in expected if name.encode() > after.encode()]
    assert [names[each] for each in ordinals.tolist()] == expected[:wanted]
    assert looked_at == len(names)


@given(SOME, SOME)
def test_a_list_is_ordered_by_bytes_over_all_its_runs(first: list[str], second: list[str]) -> None:
    second = [name for name in second if name not in first]
    names = core.NameList(sum(len(name.encode()) for name in second))
    part = rows_of(first)
    names.take(part, np.arange(len(first), dtype=np.uint32))
    names.append(STRING_IDS.of(second))
    order = names.order()
    together = first + second
    assert [together[each] for each in order.tolist()] == sorted(together, key=str.encode)
    text, lengths = names.text(order)
    assert text == b"".join(name.encode() for name in sorted(together, key=str.encode))
    assert lengths.sum() == len(text)
    assert len(names.filter()) == core.filter_bytes(len(together))


def test_a_name_twice_is_refused() -> None:
    names = core.NameList(8)
    names.append(STRING_IDS.of(["a", "b", "a"]))
    with pytest.raises(core.DamagedSegment, match="one id"):
        names.order()
    with pytest.raises(ValueError, match="room"):
        names.append(STRING_IDS.of(["0123456"]))


@pytest.mark.parametrize("wrong", ["", "x" * 513, 7, None, b"a"])
def test_what_is_no_name_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # the core's own words
        rows_of(["a"]).find(np.array([wrong], np.object_), 1)
    with pytest.raises(UnicodeEncodeError):
        rows_of(["a"]).find(np.array(["\ud800"], np.object_), 1)


@given(SOME, st.integers(1, 50))
def test_text_in_order_passes_the_check_however_it_is_cut(names: list[str], size: int) -> None:
    text, ends = text_of(sorted(names, key=str.encode))
    check = core.NameCheck(ends)
    assert all(check.feed(text[at : at + size]) for at in range(0, len(text), size))
    assert check.is_whole


@pytest.mark.parametrize(
    "names", [["b", "a"], ["a", "a"], ["a", "", "b"], ["x" * 513], ["a", "\ud800"]], ids=repr
)
def test_any_other_does_not(names: list[str]) -> None:
    text, ends = text_of(names)
    assert not core.NameCheck(ends).feed(text)


def test_text_that_is_cut_off_is_not_whole() -> None:
    text, ends = text_of(sorted(NASTY, key=str.encode))
    check = core.NameCheck(ends)
    assert check.feed(text[:-1])
    assert not check.is_whole
    assert not core.NameCheck(ends).feed(text + b"z")
