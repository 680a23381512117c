"""Which rows of a batch are written, beside a model that goes through the items one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asteroid_cloud.indexer.decide.items import (
    MATCH_ANY,
    NO_MATCH,
    NUMBER_OF,
    ItemConditions,
    Upserts,
)
from asteroid_cloud.indexer.decide.stored import Stored
from asteroid_cloud.indexer.decide.upserts import kept_of
from asteroid_cloud.indexer.memory.budget import MemoryBudget
from asteroid_cloud.indexer.state.apply_record import apply_record
from asteroid_cloud.indexer.state.state import State
from asteroid_cloud.indexer.write_events import upsert_of
from asteroid_cloud.wal import Lsn
from asteroid_cloud.wal.append.acceptance import Acceptance
from asteroid_cloud.wal.errors import Conflict, InvalidRequest
from asteroid_cloud.wal.format import Event, IndexCreated, Record, VectorsDeleted
from tests.support.engines import SMALL, u64
from tests.support.write_model import Refused, WriteModel

DIM = 2


class Index:
    """A state, what its log would say of conditions, and the model beside it."""

    def __init__(self) -> None:
        self.state = State(SMALL, MemoryBudget(), lambda event: [])
        self.acceptance = Acceptance(Lsn(0))
        self.log(IndexCreated(DIM, "l2"))
        self.model = WriteModel(self.lsn)

    @property
    def lsn(self) -> int:
        return self.state.applied_lsn

    def log(self, event: Event) -> None:
        record = Record(Lsn(self.lsn + 1), 0, event)
        self.acceptance.note([record])
        assert apply_record(self.state, record).error is None

    def stored(self) -> Stored:
        snapshot = self.state.snapshot()
        assert snapshot is not None
        return Stored(snapshot, self.acceptance.check)

    def batch(self, items: list[dict[str, Any]]) -> dict[str, int]:
        """Decides, logs and applies; the counts."""
        kept = kept_of(self.stored(), upserts(items))
        rows = kept.rows
        if len(rows.ids):
            assert self.state.spec is not None
            self.log(upsert_of(self.state.spec, rows.ids, rows.vectors, rows.payloads).events[0])
        return {"inserted": len(rows.ids), "replaced": kept.replaced, "skipped": kept.skipped}

    def expected(self, items: list[dict[str, Any]]) -> dict[str, int] | Refused:
        """The counts by the model, or its refusal."""
        try:
            return self.model.batch(items)
        except Refused as refused:
            return refused


def upserts(items: list[dict[str, Any]]) -> Upserts:
    matches = [
        {None: NO_MATCH, "*": MATCH_ANY}.get(each.get("if_match"), each.get("if_match")) for each in items
    ]
    modes = [NUMBER_OF[each.get("on_existing", "replace")] for each in items]
    return Upserts(
        u64(*[each["id"] for each in items]),
        np.array([each["vector"] for each in items], np.float32).reshape(-1, DIM),
        None,
        ItemConditions(np.array(matches, np.int64), np.array(modes, np.uint8)),
    )


def within(lsn: int, if_match: object = None, **_: object) -> dict[str, object]:
    """The position that an item matches, if it is one that there has been."""
    return {"if_match": min(if_match, lsn)} if isinstance(if_match, int) else {}


ids = st.integers(0, 5)
items_of_a_batch = st.lists(
    st.fixed_dictionaries(
        {"id": ids, "vector": st.just([1.0, 2.0])},
        optional={
            "on_existing": st.sampled_from(["replace", "skip", "fail"]),
            "if_match": st.just("*") | st.integers(0, 30),
        },
    ),
    min_size=1,
    max_size=6,
)
steps = st.lists(items_of_a_batch | ids, max_size=10)


@given(steps)
def test_items_take_their_turns_as_in_the_model(drawn: list[list[dict[str, Any]] | int]) -> None:
    index = Index()
    for step in drawn:
        if isinstance(step, int):
            index.log(VectorsDeleted(u64(step).tobytes()))
            index.model.rows.pop(step, None)
            index.model.changed[step] = index.lsn
            continue
        items = [each | within(index.lsn, **each) for each in step]
        before = index.lsn
        expected = index.expected(items)
        if isinstance(expected, Refused):
            with pytest.raises(Conflict) as caught:
                index.batch(items)
            assert (caught.value.code, caught.value.details["index"]) == (expected.code, expected.index)
            assert index.lsn == before
            continue
        told = index.batch(items)
        assert told == {name: expected[name] for name in told}
        assert (index.lsn > before) == (told["inserted"] > 0)
        index.model.logged(index.lsn)
        stored = index.stored()
        assert stored.there(u64(*range(6))).tolist() == [id in index.model.rows for id in range(6)]


def test_a_position_that_is_to_come_is_refused_with_the_place_of_its_item() -> None:
    index = Index()
    items = [{"id": 1, "vector": [0, 0]}, {"id": 2, "vector": [0, 0], "if_match": index.lsn + 1}]
    with pytest.raises(InvalidRequest) as caught:
        index.batch(items)
    assert (caught.value.code, caught.value.details["index"]) == ("bad_if_match", 1)


def test_what_was_before_the_start_is_vouched_for_only_by_a_part_without_newer_rows() -> None:
    index = Index()
    index.batch([{"id": 1, "vector": [0, 0]}])
    index.acceptance = Acceptance(Lsn(index.lsn))  # as after a restart
    item = {"id": 1, "vector": [1, 1], "if_match": index.lsn}
    assert index.batch([item])["replaced"] == 1
    with pytest.raises(Conflict):
        index.batch([item])
