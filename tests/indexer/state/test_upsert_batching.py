"""Records folded in runs do what they do one by one: rows, outcomes, and who died when."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asteroid_cloud.indexer import snapshot_digest
from asteroid_cloud.indexer.memory.budget import MemoryBudget
from asteroid_cloud.indexer.state.apply_record import Outcome, apply_all, apply_record
from asteroid_cloud.indexer.state.state import State
from asteroid_cloud.indexer.state.upsert_batching import BATCH_ROWS_MAX, batches_of
from asteroid_cloud.wal.format.events import (
    Event,
    IndexCreated,
    IndexDeleted,
    PayloadMerged,
    VectorsDeleted,
    VectorsUpserted,
)
from asteroid_cloud.wal.format.record import Record
from asteroid_cloud.wal.lsn import Lsn
from tests.support.engines import SMALL, u64

DIM = 2
IDS = st.integers(0, 7)
PAYLOADS = st.sampled_from([None, b"", b'{"a":1}', b'{"b":2}'])


def upserted(ids: list[int], payloads: list[bytes | None] | None, dim: int = DIM) -> VectorsUpserted:
    drawn = np.random.default_rng(sum(ids)).normal(size=(len(ids), dim)).astype("<f4")
    return VectorsUpserted(u64(*ids).tobytes(), drawn.tobytes(), payloads)


SINGLES = st.builds(
    lambda id_, payload, has_any: upserted([id_], [payload] if has_any else None),
    IDS,
    PAYLOADS,
    st.booleans(),
)
OTHERS: st.SearchStrategy[Event] = st.one_of(
    st.builds(lambda ids: upserted(ids, None), st.lists(IDS, min_size=2, max_size=4)),
    st.builds(lambda id_: upserted([id_], None, dim=3), IDS),
    st.builds(lambda id_: upserted([id_], [b"{}", b"{}"]), IDS),
    st.builds(lambda id_: VectorsDeleted(u64(id_).tobytes()), IDS),
    st.builds(lambda id_: PayloadMerged(id_, b'{"c":3}'), IDS),
    st.just(IndexDeleted()),
    st.just(IndexCreated(DIM, "l2")),
)
EVENTS = st.lists(SINGLES | SINGLES | SINGLES | OTHERS, max_size=40)


def recorded(events: list[Event], first: int = 2) -> list[Record]:
    return [Record(Lsn(first + number), 0, event) for number, event in enumerate(events)]


def created() -> State:
    state = State(SMALL, MemoryBudget(), lambda event: [])
    apply_record(state, Record(Lsn(1), 0, IndexCreated(DIM, "l2")))
    return state


def told(outcomes: list[Outcome]) -> list[tuple[int, str | None]]:
    return [(done.affected, done.error.code if done.error else None) for done in outcomes]


def kills(state: State) -> list[list[tuple[int, list[int]]]]:
    return [
        [(lsn, ordinals.tolist()) for lsn, ordinals in part.deletions.deleted_after(Lsn(0))]
        for part in state.parts
    ]


@given(EVENTS, st.lists(st.integers(1, 9), min_size=1, max_size=9))
def test_runs_do_what_single_records_do(events: list[Event], sizes: list[int]) -> None:
    one_by_one, together = created(), created()
    records = recorded(events)
    expected = [apply_record(one_by_one, record) for record in records]
    outcomes: list[Outcome] = []
    at = number = 0
    while at < len(records):
        size = sizes[number % len(sizes)]
        outcomes += apply_all(together, records[at : at + size])
        at, number = at + size, number + 1
    assert told(outcomes) == told(expected)
    assert together.applied_lsn == one_by_one.applied_lsn
    assert kills(together) == kills(one_by_one)
    assert [block.newest_lsn for block in together.memtables] == [b.newest_lsn for b in one_by_one.memtables]
    assert [block.first_lsn for block in together.memtables] == [b.first_lsn for b in one_by_one.memtables]
    before, after = one_by_one.snapshot(), together.snapshot()
    assert (before is None) == (after is None)
    if before is not None and after is not None:
        assert snapshot_digest(after) == snapshot_digest(before)


@given(EVENTS)
def test_groups_are_all_records_in_order_and_runs_have_different_ids(events: list[Event]) -> None:
    records = recorded(events)
    groups = list(batches_of(records))
    assert [record for run, _ in groups for record in run] == records
    for run, upserts in groups:
        assert upserts == [record.event for record in run] or (len(run) == 1 and not upserts)
        assert len({event.ids for event in upserts}) == len(upserts)


def test_runs_are_bounded_and_fill_more_than_one_block() -> None:
    events: list[Event] = [upserted([id_], None) for id_ in range(3 * BATCH_ROWS_MAX + 1)]
    sizes = [len(run) for run, _ in batches_of(recorded(events))]
    assert sizes == [BATCH_ROWS_MAX, BATCH_ROWS_MAX, BATCH_ROWS_MAX, 1]
    state = created()
    apply_all(state, recorded(events))
    assert len(state.memtables) > 1
    assert (state.live, state.applied_lsn) == (len(events), len(events) + 1)
    for earlier, later in zip(state.memtables, state.memtables[1:], strict=False):
        assert earlier.newest_lsn is not None
        assert later.first_lsn == earlier.newest_lsn + 1


def test_a_gap_in_a_run_stops_the_fold() -> None:
    events: list[Event] = [upserted([id_], None) for id_ in range(3)]
    for records in (recorded(events, 3), [*recorded(events), *recorded(events[:1], 9)]):
        with pytest.raises(AssertionError, match="gap"):
            apply_all(created(), records)
