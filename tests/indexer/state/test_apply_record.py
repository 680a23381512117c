"""What each kind of record does to the state, and what it leaves alone when it has no effect."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import pytest

from asteroid_cloud.indexer.memory.budget import MemoryBudget
from asteroid_cloud.indexer.segment.segment import Segment
from asteroid_cloud.indexer.state.apply_record import Outcome, apply_record
from asteroid_cloud.indexer.state.state import State
from asteroid_cloud.wal.errors import AsteroidError, Conflict, InvalidRequest, NotFound
from asteroid_cloud.wal.format.events import (
    BulkLoaded,
    BulkPayloads,
    BulkRows,
    Event,
    IndexCreated,
    IndexDeleted,
    PayloadMerged,
    PayloadReplaced,
    VectorsDeleted,
    VectorsUpserted,
)
from asteroid_cloud.wal.format.record import Record
from asteroid_cloud.wal.limits import PAYLOAD_BYTES_DEFAULT, PAYLOAD_BYTES_MAX
from asteroid_cloud.wal.lsn import Lsn
from tests.support.engines import SMALL, u64

DIM = 2


class History:
    """A state, and records of ever higher LSN for it."""

    def __init__(self, *events: Event) -> None:
        self.bulks: list[BulkLoaded] = []
        self.state = State(SMALL, MemoryBudget(), self._load)
        for event in events:
            self(event)

    def _load(self, event: BulkLoaded) -> list[Segment]:
        self.bulks.append(event)
        return []

    def __call__(self, event: Event) -> Outcome:
        return apply_record(self.state, Record(Lsn(self.state.applied_lsn + 1), 0, event))

    def upsert(
        self, ids: Sequence[int], payloads: list[bytes | None] | None = None, at: float = 0
    ) -> Outcome:
        """Upserts (at, position) as the vector of each id."""
        drawn = np.array([[at, position] for position in range(len(ids))], "<f4")
        return self(VectorsUpserted(u64(*ids).tobytes(), drawn.tobytes(), payloads))

    def rows(self) -> dict[int, tuple[list[float], bytes]]:
        """What lives: id → (vector, payload)."""
        found: dict[int, tuple[list[float], bytes]] = {}
        snapshot = self.state.snapshot()
        assert snapshot is not None
        for view in snapshot.parts:
            for id_ in set(view.all_ids().tolist()):
                row = view.find(u64(id_))
                if row[0] >= 0:
                    assert id_ not in found
                    ordinal = row.astype(np.uint32)
                    found[id_] = (view.vectors(ordinal)[0].round(2).tolist(), view.payloads(ordinal)[0])
        assert len(found) == snapshot.live == self.state.live
        return found

    def payloads(self) -> dict[int, bytes]:
        """The payload of each living id."""
        return {id_: payload for id_, (_, payload) in self.rows().items()}


def created() -> History:
    return History(IndexCreated(DIM, "l2"))


def test_an_upsert_keeps_clears_or_replaces_the_payload() -> None:
    history = created()
    history.upsert([1, 2, 3, 4], [b'{"a":1}', b'{"b":1}', b'{"c":1}', None])
    outcome = history.upsert([1, 2, 3, 4], [None, b"", b'{"d":1}', b'{"e":1}'], at=1)
    assert outcome == Outcome(4, replaced=4)
    assert history.rows() == {
        1: ([1, 0], b'{"a":1}'),
        2: ([1, 1], b""),
        3: ([1, 2], b'{"d":1}'),
        4: ([1, 3], b'{"e":1}'),
    }
    history.upsert([4, 2], None, at=2)
    assert history.payloads() == {1: b'{"a":1}', 2: b"", 3: b'{"d":1}', 4: b'{"e":1}'}


@pytest.mark.parametrize(
    ("payloads", "kept"),
    [
        ([b'{"x":1}', b'{"x":2}'], b'{"x":2}'),
        ([b'{"x":1}', None], b'{"x":1}'),
        ([b'{"x":1}', b""], b""),
        ([b"", None], b""),
        ([None, None], b'{"old":1}'),
        ([None, b""], b""),
    ],
)
def test_an_id_twice_in_a_batch_is_as_if_written_twice(payloads: list[bytes | None], kept: bytes) -> None:
    history = created()
    history.upsert([7], [b'{"old":1}'])
    assert history.upsert([7, 7], payloads, at=1) == Outcome(2, replaced=2)
    assert history.rows() == {7: ([1, 1], kept)}


def test_a_payload_is_found_through_blocks_that_were_frozen_meanwhile() -> None:
    history = created()
    history.upsert([1], [b'{"a":1}'])
    assert history.state.freeze_oldest() is not None
    history.upsert([1], None, at=1)
    assert history.state.freeze_oldest() is not None
    history(PayloadMerged(1, b'{"b":2}'))
    assert history.rows() == {1: ([1, 0], b'{"a":1,"b":2}')}


def test_after_a_delete_an_id_starts_with_nothing() -> None:
    history = created()
    history.upsert([1, 2], [b'{"a":1}', b'{"b":1}'])
    assert history(VectorsDeleted(u64(1, 1, 99).tobytes())) == Outcome(1)
    assert history(VectorsDeleted(u64(1).tobytes())) == Outcome(0)
    history.upsert([1], None, at=1)
    assert history.payloads() == {1: b"", 2: b'{"b":1}'}


def test_payload_changes_leave_the_vector_exactly_as_it_was() -> None:
    history = created()
    history.upsert([1], [b'{"a":1}'], at=0.1)
    before = history.state.memtables[0].native.encoded(np.zeros(1, np.uint32)).tobytes()
    assert history(PayloadReplaced(1, b'{"b":null}')) == Outcome(1)
    assert history(PayloadMerged(1, b'{"c":{"d":null}}')) == Outcome(1)
    assert msgspec.json.decode(history.payloads()[1]) == {"b": None, "c": {}}
    assert history.state.memtables[0].native.encoded(np.full(1, 2, np.uint32)).tobytes() == before
    history(PayloadReplaced(1, b"{}"))
    assert history.payloads() == {1: b""}


def test_deleting_the_index_forgets_it_all_and_a_new_one_may_differ() -> None:
    history = created()
    history.upsert([1, 2], None)
    generation = history.state.generation
    history(IndexDeleted())
    assert history.state.snapshot() is None
    assert history.state.generation > generation, "builds of the old rows must not be put in"
    history(IndexCreated(3, "ip"))
    assert history.rows() == {}
    assert history.state.spec is not None
    assert (history.state.spec.dim, history.state.spec.metric) == (3, "ip")


def big(size: int) -> bytes:
    return b'{"s":"%s"}' % (b"x" * size)


@pytest.mark.parametrize(
    ("event", "kind", "code"),
    [
        (IndexCreated(9, "ip"), Conflict, "index_already_initialized"),
        (VectorsUpserted(u64(5).tobytes(), bytes(4)), InvalidRequest, "wrong_dim"),
        (VectorsUpserted(u64(5).tobytes(), bytes(12)), InvalidRequest, "wrong_dim"),
        (VectorsUpserted(u64(1, 5).tobytes(), bytes(16), [b"{}"]), InvalidRequest, "bad_payload"),
        (PayloadReplaced(5, b"{}"), NotFound, "not_found"),
        (PayloadMerged(5, b"{}"), NotFound, "not_found"),
        (PayloadMerged(1, big(PAYLOAD_BYTES_DEFAULT)), InvalidRequest, "bad_payload"),
        (PayloadMerged(1, big(2000), 2000), InvalidRequest, "bad_payload"),
        (PayloadReplaced(1, big(PAYLOAD_BYTES_MAX)), InvalidRequest, "bad_payload"),
        (BulkLoaded(1, 1, 1, DIM + 1), InvalidRequest, "wrong_dim"),
        (BulkLoaded(1, 1, 1, DIM), Conflict, "index_not_empty"),
    ],
)
def test_a_void_record_changes_nothing_and_says_why(
    event: Event, kind: type[AsteroidError], code: str
) -> None:
    history = created()
    history.upsert([1], [b'{"a":1}'])
    before, lsn, generation = history.rows(), history.state.applied_lsn, history.state.generation
    error = history(event).error
    assert isinstance(error, kind)
    assert error.code == code
    assert (history.rows(), history.state.generation) == (before, generation)
    assert history.state.spec is not None
    assert history.state.spec.dim == DIM
    assert history.state.applied_lsn == lsn + 1, "a void record counts as applied all the same"


@pytest.mark.parametrize(
    "event",
    [
        VectorsUpserted(u64(1).tobytes(), bytes(8)),
        VectorsDeleted(u64(1).tobytes()),
        PayloadReplaced(1, b"{}"),
        PayloadMerged(1, b"{}"),
        BulkLoaded(1, 1, 1, DIM),
    ],
)
def test_without_an_index_there_is_nothing_to_change(event: Event) -> None:
    history = History()
    error = history(event).error
    assert isinstance(error, Conflict)
    assert error.code == "index_not_initialized"
    assert history.state.snapshot() is None


def test_staged_rows_do_not_count_until_they_are_loaded() -> None:
    history = created()
    history(BulkRows(4, 0, bytes(8)))
    history(BulkPayloads(4, 0, [b"{}"]))
    assert (history.rows(), history.bulks) == ({}, [])
    assert history(BulkLoaded(4, 2, 1, DIM)) == Outcome(1)
    assert [event.bulk for event in history.bulks] == [4]


def test_rows_staged_for_an_index_that_was_deleted_are_not_loaded_into_the_next() -> None:
    """They were quantised for the old one, whose metric may have been another."""
    history = created()
    history(BulkRows(4, 0, bytes(8)))
    history(IndexDeleted())
    history(IndexCreated(DIM, "cosine"))
    error = history(BulkLoaded(4, 2, 1, DIM)).error
    assert isinstance(error, Conflict)
    assert history.bulks == []


def test_a_batch_larger_than_a_block_gets_one_of_its_own() -> None:
    history = created()
    history.upsert([1], None)
    history.upsert(range(30_000), None, at=1)
    assert len(history.rows()) == 30_000


def test_a_gap_in_the_log_stops_the_fold() -> None:
    history = created()
    for lsn in (1, 3):
        with pytest.raises(AssertionError, match="gap"):
            apply_record(history.state, Record(Lsn(lsn), 0, IndexDeleted()))
    assert history.state.spec is not None


def test_a_snapshot_stays_as_it_was() -> None:
    history = created()
    history.upsert([1, 2], [b'{"a":1}', None])
    old = history.state.snapshot()
    history.upsert([1, 3], [b'{"a":2}', None], at=5)
    history(VectorsDeleted(u64(2).tobytes()))
    assert old is not None
    [view] = old.parts
    rows = view.find(u64(1, 2, 3))
    assert rows.tolist() == [0, 1, -1]
    assert view.payloads(rows[:2].astype(np.uint32)) == [b'{"a":1}', b""]
    assert (old.lsn, old.live, view.live) == (2, 2, 2)


def test_a_memtable_without_rows_never_stands_before_one_with_rows() -> None:
    state = State(SMALL, MemoryBudget(), lambda event: [])
    apply_record(state, Record(Lsn(1), 0, IndexCreated(2, "l2")))

    def upsert(lsn: int) -> None:
        event = VectorsUpserted(u64(lsn).tobytes(), np.ones(2, "<f4").tobytes())
        apply_record(state, Record(Lsn(lsn), 0, event))

    upsert(2)
    frozen = state.freeze_oldest()
    assert frozen is not None
    state.exchange(frozen[0], None, frozen[1])
    assert state.freeze_oldest() is None
    upsert(3)
    frozen = state.freeze_oldest()
    assert frozen is not None
    assert ([memtable.rows for memtable in frozen[0]], frozen[1]) == ([1], 3)
