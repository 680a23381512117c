"""The crash driver's check must be able to fail: each kind of fault, planted, is found."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asteroid_cloud.client import Hit, Row
from ops import crash
from ops.crash import Batch, Violation, Writer, check, decide, run

WRITTEN = Batch(5, [1, 2, 3], is_delete=False)
REWRITTEN = Batch(9, [2], is_delete=False)
DELETED = Batch(13, [3], is_delete=True)

Stored = dict[int, Row]


class FakeClient:
    """Gives out rows as a server would."""

    def __init__(self, rows: Stored) -> None:
        self._rows = rows
        self.unseen: set[int] = set()

    async def scroll(self, **_: object) -> AsyncIterator[Row]:
        """All rows."""
        for row in self._rows.values():
            yield row

    async def search(self, query: Any, k: int, **_: object) -> list[Hit]:
        """The nearest rows, or what a broken index would find."""
        near = [
            Hit(id_, float(np.linalg.norm(np.subtract(row.vector, query, dtype=np.float32))))
            for id_, row in self._rows.items()
            if id_ not in self.unseen
        ]
        return sorted(near, key=lambda hit: (hit.distance, hit.id))[:k]


def row(id_: int, batch: Batch) -> Row:
    """What a batch leaves of an id."""
    return Row(id_, {"version": batch.version}, batch.vector(id_))


def writer() -> Writer:
    """A writer whose three batches were acknowledged."""
    known = Writer(0)
    for batch in (WRITTEN, REWRITTEN, DELETED):
        known.settle(batch)
    return known


def intact() -> Stored:
    """What the server must have then."""
    return {1: row(1, WRITTEN), 2: row(2, REWRITTEN)}


async def checked(rows: Stored, known: Writer) -> int:
    """The driver's check of rows against what a writer knows."""
    client: Any = FakeClient(rows)
    return await check(client, [known])


@pytest.mark.parametrize("unseen", [1, 2])
@pytest.mark.anyio
async def test_a_row_that_searches_miss_is_found(unseen: int) -> None:
    client: Any = FakeClient(intact())
    client.unseen = {unseen}
    with pytest.raises(Violation, match="a search"):
        await check(client, [writer()])


def lose(rows: Stored) -> None:
    del rows[1]


def forget_an_update(rows: Stored) -> None:
    rows[2] = row(2, WRITTEN)


def bring_back_a_deleted_row(rows: Stored) -> None:
    rows[3] = row(3, WRITTEN)


def invent(rows: Stored) -> None:
    rows[77] = row(77, WRITTEN)


def damage_a_vector(rows: Stored) -> None:
    rows[1] = Row(1, {"version": WRITTEN.version}, [*WRITTEN.vector(1)[:-1], 0.5])


def exchange_vectors(rows: Stored) -> None:
    rows[1] = Row(1, {"version": WRITTEN.version}, WRITTEN.vector(2))


def lose_a_payload(rows: Stored) -> None:
    rows[1] = Row(1, None, WRITTEN.vector(1))


@pytest.mark.anyio
async def test_what_is_intact_passes() -> None:
    assert await checked(intact(), writer()) == 2


@pytest.mark.anyio
@pytest.mark.parametrize(
    "plant",
    [
        lose,
        forget_an_update,
        bring_back_a_deleted_row,
        invent,
        damage_a_vector,
        exchange_vectors,
        lose_a_payload,
    ],
)
async def test_a_fault_is_found(plant: Callable[[Stored], None]) -> None:
    rows = intact()
    plant(rows)
    with pytest.raises(Violation):
        await checked(rows, writer())


@pytest.mark.anyio
async def test_half_of_a_batch_in_doubt_is_found_by_the_whole_check() -> None:
    known, rows = writer(), intact()
    known.in_doubt = Batch(17, [1, 2], is_delete=False)
    rows[2] = row(2, known.in_doubt)
    with pytest.raises(Violation, match="half of batch 17"):
        await checked(rows, known)


@pytest.mark.parametrize(("there", "is_half"), [([1, 2], False), ([], False), ([1], True), ([2], True)])
def test_half_of_a_deletion_in_doubt_is_found(there: list[int], is_half: bool) -> None:
    known = writer()
    known.in_doubt = Batch(21, [1, 2, 3, 50], is_delete=True)
    rows = {id_: found for id_, found in intact().items() if id_ in there}
    if is_half:
        with pytest.raises(Violation, match="half"):
            decide(known, rows)
    else:
        decide(known, rows)
        assert known.acknowledged[1].is_delete == (not there)


def test_a_row_lost_by_a_real_server_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settle = Writer.settle

    def settle_one_more(self: Writer, batch: Batch) -> None:
        settle(self, Batch(batch.version, [*batch.ids, 10**9 + self.number], batch.is_delete))

    monkeypatch.setattr(crash.Writer, "settle", settle_one_more)
    with pytest.raises(Violation, match="was acknowledged, found None"):
        run(20, 1, tmp_path / "store")
