"""Whether an id may have changed: a change is never missed, and one is seldom made up."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asteroid_cloud.wal.append import last_changes
from asteroid_cloud.wal.append.last_changes import SLOTS, LastChanges, touches
from asteroid_cloud.wal.append.log import Unchanged
from asteroid_cloud.wal.errors import Conflict
from asteroid_cloud.wal.format.events import (
    BulkLoaded,
    BulkRows,
    Event,
    IndexCreated,
    IndexDeleted,
    PayloadMerged,
    PayloadReplaced,
    VectorsDeleted,
    VectorsUpserted,
)
from asteroid_cloud.wal.limits import ID_MAX
from asteroid_cloud.wal.lsn import Lsn
from tests.support.faulty_files import MemoryFiles
from tests.support.logs import opened

pytestmark = pytest.mark.anyio
some_ids = st.lists(st.integers(0, ID_MAX) | st.integers(0, 9), max_size=8)


def packed(ids: list[int]) -> bytes:
    return np.array(ids, "<u8").tobytes()


def events_of(ids: list[int]) -> list[Event]:
    """One event of each kind that changes just these ids."""
    return [
        VectorsUpserted(packed(ids), b""),
        VectorsDeleted(packed(ids)),
        *(PayloadReplaced(id, b"{}") for id in ids),
        *(PayloadMerged(id, b"{}") for id in ids),
    ]


@given(st.lists(some_ids, max_size=6), st.data())
def test_no_change_is_ever_missed(groups: list[list[int]], data: st.DataObject) -> None:
    changes, last, lsn = LastChanges(Lsn(5)), dict[int, int](), 5
    for ids in groups:
        for event in events_of(ids):
            lsn += 1
            changes.note(Lsn(lsn), event)
            last |= {id: lsn for id in ids if touches(event, packed([id]))}
    for id, newest in last.items():
        assert changes.may_have_changed(packed([id]), Lsn(newest - 1))
        assert not changes.may_have_changed(packed([id]), Lsn(lsn))
    other = data.draw(st.integers(0, ID_MAX))
    assert other in last or not any(touches(e, packed([other])) for ids in groups for e in events_of(ids))
    assert changes.may_have_changed(packed([other]), Lsn(4)), "what was before is not known"


@pytest.mark.parametrize("event", [IndexCreated(4, "l2"), IndexDeleted(), BulkLoaded(1, 1, 0, 4)])
def test_some_events_change_every_id(event: Event) -> None:
    changes = LastChanges(Lsn(0))
    changes.note(Lsn(7), event)
    assert all(
        changes.may_have_changed(packed([id]), Lsn(6)) and touches(event, packed([id]))
        for id in (0, 5, ID_MAX)
    )
    staged = BulkRows(1, 0, b"")
    changes.note(Lsn(8), staged)
    assert not changes.may_have_changed(packed([5]), Lsn(7))
    assert not touches(staged, packed([5]))


def test_false_alarms_are_as_rare_as_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_changes, "RECENT_BYTES_MAX", 0)
    changes = LastChanges(Lsn(0))
    changed = SLOTS // 64
    changes.note(Lsn(1), VectorsDeleted(np.arange(changed, dtype="<u8").tobytes()))
    asked = np.random.default_rng(1).integers(changed, ID_MAX, 20_000, np.uint64)
    false = sum(changes.may_have_changed(packed([int(id)]), Lsn(0)) for id in asked) / len(asked)
    assert 0 < false < 2 / 64


@given(st.lists(some_ids, max_size=6), some_ids, st.integers(5, 40), st.integers(0, 600))
def test_no_change_is_missed_however_few_records_are_kept(
    groups: list[list[int]], asked: list[int], since: int, room: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(last_changes, "RECENT_BYTES_MAX", room)
        changes, lsn = LastChanges(Lsn(5)), 5
        last = dict[int, int]()
        for ids in groups:
            for event in events_of(ids):
                lsn += 1
                changes.note(Lsn(lsn), event)
                last |= dict.fromkeys((id for id in ids if touches(event, packed([id]))), lsn)
        is_changed = any(last.get(id, 5) > since for id in asked)
        found = changes.may_have_changed(packed(asked), Lsn(since))
        assert found or not is_changed


def test_a_neighbour_in_the_same_slot_is_no_change_while_its_record_is_recent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    neighbours = [id for id in range(3_000_000) if last_changes._slot(id) == last_changes._slot(1)]
    changes = LastChanges(Lsn(0))
    changes.note(Lsn(1), VectorsDeleted(packed(neighbours[1:2])))
    assert not changes.may_have_changed(packed(neighbours[:1]), Lsn(0))
    assert changes.may_have_changed(packed(neighbours[:2]), Lsn(0))
    monkeypatch.setattr(last_changes, "RECENT_BYTES_MAX", 200)
    for lsn in (2, 3):
        changes.note(Lsn(lsn), VectorsDeleted(packed([lsn])))
    assert changes.may_have_changed(packed(neighbours[:1]), Lsn(0)), "what is forgotten may be any"
    assert not changes.may_have_changed(packed(neighbours[:1]), Lsn(1))


async def test_of_appends_that_wait_together_the_first_wins() -> None:
    async with opened(MemoryFiles()) as log:
        await log.append([PayloadReplaced(1, b"{}")])
        race = [
            log.append([PayloadReplaced(id, b"{}")], unchanged=Unchanged(packed([id]), Lsn(1)))
            for id in (1, 1, 2, 1, 2)
        ]
        results = await asyncio.gather(*race, return_exceptions=True)
        assert [type(result) for result in results] == [int, Conflict, int, Conflict, Conflict]
        lost = results[1]
        assert isinstance(lost, Conflict)
        assert lost.code == "precondition_failed"
        assert log.durable_lsn == 3
        with pytest.raises(Conflict):
            log.check(Unchanged(packed([1]), Lsn(1)))
        log.check(Unchanged(packed([1]), Lsn(2)))


async def test_after_opening_nothing_older_is_vouched_for() -> None:
    files = MemoryFiles()
    async with opened(files) as log:
        await log.append([PayloadReplaced(1, b"{}")])
        await log.append([PayloadReplaced(2, b"{}")])
    async with opened(files) as log:
        with pytest.raises(Conflict):
            await log.append([PayloadReplaced(1, b"{}")], unchanged=Unchanged(packed([1]), Lsn(1)))
        assert await log.append([PayloadReplaced(1, b"{}")], unchanged=Unchanged(packed([1]), Lsn(2))) == 3


def test_a_string_is_told_from_others_whether_its_record_is_recent_or_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for room in (last_changes.RECENT_BYTES_MAX, 0):
        monkeypatch.setattr(last_changes, "RECENT_BYTES_MAX", room)
        changes = LastChanges(Lsn(0))
        for lsn, event in enumerate(
            [VectorsDeleted(["a", "b"]), PayloadReplaced("c", b"{}"), VectorsUpserted(["d"], b"")], 1
        ):
            changes.note(Lsn(lsn), event)
            assert touches(event, ["x", *(last_changes.changed_ids(event) or [])])
            assert not touches(event, ["x"])
        assert not changes.may_have_changed(["x", "y"], Lsn(0))
        assert changes.may_have_changed(["x", "b"], Lsn(0))
        assert not changes.may_have_changed(["a", "b"], Lsn(1))
        assert changes.may_have_changed(["c"], Lsn(1))
        assert changes.may_have_changed(["x", "d"], Lsn(2))


def test_a_table_that_grows_answers_as_one_that_was_large_from_the_beginning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(last_changes, "RECENT_BYTES_MAX", 0)
    grows = LastChanges(Lsn(5))
    monkeypatch.setattr(last_changes, "SLOTS_LOG2_FIRST", last_changes.SLOTS_LOG2)
    large = LastChanges(Lsn(5))
    assert len(grows._slots) < len(large._slots) == SLOTS
    draw, sizes = np.random.default_rng(4), set[int]()
    for lsn in range(6, 300):
        ids = draw.integers(0, 1 << 64, 1 + lsn % 40, np.uint64)
        for each in (grows, large):
            each.note(Lsn(lsn), VectorsDeleted(ids.tobytes()))
        sizes.add(len(grows._slots))
        for since in (lsn - 3, lsn - 1, lsn):
            for asked in (ids, draw.integers(0, 1 << 64, 3, np.uint64)):
                told = grows.may_have_changed(asked.tobytes(), Lsn(since))
                assert told >= large.may_have_changed(asked.tobytes(), Lsn(since)), "never too early"
        assert grows.may_have_changed(ids.tobytes(), Lsn(lsn - 1))
        assert not grows.may_have_changed(ids.tobytes(), Lsn(lsn))
    assert len(sizes) > 4
    assert len(grows._slots) == SLOTS
    large.note(Lsn(300), IndexDeleted())
    assert large.may_have_changed(np.uint64(1).tobytes(), Lsn(299))


def test_what_changed_before_a_table_grows_is_known_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_changes, "RECENT_BYTES_MAX", 0)
    changes, first = LastChanges(Lsn(1)), np.arange(10, dtype=np.uint64)
    changes.note(Lsn(2), VectorsDeleted(first.tobytes()))
    changes.note(Lsn(3), VectorsDeleted(np.arange(100, 6_000, dtype=np.uint64).tobytes()))
    assert len(changes._slots) == SLOTS
    assert changes.may_have_changed(first.tobytes(), Lsn(1))
    assert all(changes.may_have_changed(id_.tobytes(), Lsn(1)) for id_ in first)
