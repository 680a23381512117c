"""Integer ids: packed as records hold them, in the order of their values."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from asteroid_cloud.indexer.model.ids import INTEGER_IDS
from tests.support.engines import u64

IDS = st.lists(st.integers(0, 2**64 - 1), unique=True, max_size=20)


@given(IDS)
def test_ids_come_back_as_they_were_packed(ids: list[int]) -> None:
    packed = INTEGER_IDS.pack(u64(*ids))
    assert packed == b"".join(id_.to_bytes(8, "little") for id_ in ids)
    assert INTEGER_IDS.unpack(packed).tolist() == ids
    assert INTEGER_IDS.is_single(packed) == (len(ids) == 1)


@given(IDS)
def test_order_is_by_value(ids: list[int]) -> None:
    keys = u64(*ids)
    ordered = keys[INTEGER_IDS.order(keys)]
    assert ordered.tolist() == sorted(ids)
    assert INTEGER_IDS.is_ascending(ordered)
    assert not INTEGER_IDS.is_ascending(u64(5, 5))
    assert INTEGER_IDS.distinct(np.concatenate([keys, keys])).tolist() == sorted(ids)


@given(IDS)
def test_places_say_where_each_id_stands(ids: list[int]) -> None:
    wanted = ids[::2]
    places = INTEGER_IDS.places(u64(*ids), u64(*wanted))
    assert [ids[place] for place in places.tolist()] == wanted


def test_ids_of_rows_and_single_ids() -> None:
    assert INTEGER_IDS.numbered(7, 3).tolist() == [7, 8, 9]
    assert INTEGER_IDS.one(2**64 - 1).tolist() == [2**64 - 1]
    assert INTEGER_IDS.shown(2**64 - 1) == "18446744073709551615"
