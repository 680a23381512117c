"""Ids: packed as records hold them, in the order of their values or of their bytes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asteroid_cloud.indexer.model.ids import INTEGER_IDS, STRING_IDS, check_name
from asteroid_cloud.indexer.native import core
from asteroid_cloud.wal.errors import InvalidRequest
from asteroid_cloud.wal.limits import ID_BYTES_MAX
from tests.support.engines import u64
from tests.support.names import NAMES, NASTY

IDS = st.lists(st.integers(0, 2**64 - 1), unique=True, max_size=20)
STRINGS = st.lists(NAMES, unique=True, max_size=20)


@given(IDS)
def test_integers_come_back_as_they_were_packed(ids: list[int]) -> None:
    packed = INTEGER_IDS.pack(u64(*ids))
    assert packed == b"".join(id_.to_bytes(8, "little") for id_ in ids)
    assert INTEGER_IDS.unpack(packed).tolist() == ids
    assert INTEGER_IDS.joined([packed, packed]).tolist() == 2 * ids
    assert INTEGER_IDS.fits(packed)
    assert not STRING_IDS.fits(packed)


@given(STRINGS)
def test_strings_come_back_as_they_were_packed(ids: list[str]) -> None:
    packed = STRING_IDS.pack(STRING_IDS.of(ids))
    assert packed == ids
    assert STRING_IDS.unpack(packed).tolist() == ids
    assert STRING_IDS.joined([packed, packed]).tolist() == 2 * ids
    assert STRING_IDS.fits(packed)
    assert not INTEGER_IDS.fits(packed)


@given(IDS)
def test_integers_are_ordered_by_value(ids: list[int]) -> None:
    keys = u64(*ids)
    ordered = keys[INTEGER_IDS.order(keys)]
    assert ordered.tolist() == sorted(ids)
    assert INTEGER_IDS.is_ascending(ordered)
    assert not INTEGER_IDS.is_ascending(u64(5, 5))
    assert INTEGER_IDS.distinct(np.concatenate([keys, keys])).tolist() == sorted(ids)


@given(STRINGS)
def test_strings_are_ordered_by_their_bytes(ids: list[str]) -> None:
    keys, expected = STRING_IDS.of(ids), sorted(ids, key=str.encode)
    ordered = keys[STRING_IDS.order(keys)]
    assert ordered.tolist() == expected
    assert STRING_IDS.is_ascending(ordered)
    assert not STRING_IDS.is_ascending(STRING_IDS.of(["a", "a"]))
    assert STRING_IDS.distinct(np.concatenate([keys, keys])).tolist() == expected


def test_single_ids() -> None:
    assert INTEGER_IDS.one(2**64 - 1).tolist() == [2**64 - 1]
    assert INTEGER_IDS.shown(2**64 - 1) == "18446744073709551615"
    assert STRING_IDS.one("7").tolist() == ["7"]
    assert STRING_IDS.shown("a\n") == "'a\\n'"
    assert INTEGER_IDS.fits(7)
    assert not INTEGER_IDS.fits("7")
    assert STRING_IDS.fits("7")
    assert not STRING_IDS.fits(7)


@pytest.mark.parametrize("name", NASTY)
def test_any_text_of_512_bytes_is_an_id(name: str) -> None:
    assert check_name(name) == name


WRONG = ["", "x" * (ID_BYTES_MAX + 1), "é" * (ID_BYTES_MAX // 2) + "x", "\ud800", 7, None, b"x", ["x"]]


@pytest.mark.parametrize("wrong", WRONG)
def test_anything_else_is_not(wrong: object) -> None:
    with pytest.raises(InvalidRequest, match="1 to 512 bytes of UTF-8") as refused:
        check_name(wrong)
    assert refused.value.code == "bad_id"


def test_the_core_has_the_same_limit() -> None:
    assert core.NAME_BYTES_MAX == ID_BYTES_MAX
