"""kill -9 under load: nothing acknowledged is lost, nothing is half there. ``make crash`` does it longer."""

from __future__ import annotations

from pathlib import Path

import pytest

from asteroid_cloud.client import Row
from ops.crash import Batch, Violation, Writer, decide, run

CYCLES = 50
SEEDS = (20, 21, 22, 23)


@pytest.mark.slow_first
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", SEEDS)
def test_two_hundred_kills_lose_tear_and_invent_nothing(tmp_path: Path, seed: int) -> None:
    """Fifty for each seed: each has a store of its own."""
    assert run(CYCLES, seed, tmp_path / "store") > 0


@pytest.mark.slow_first
@pytest.mark.timeout(600)
def test_neither_do_they_where_ids_are_strings(tmp_path: Path) -> None:
    assert run(CYCLES, 24, tmp_path / "store", "string") > 0


def rows_of(batch: Batch, ids: list[int]) -> dict[int, Row]:
    return {id_: Row(id_, {"version": batch.version}, batch.vector(id_)) for id_ in ids}


def test_the_driver_sees_half_a_batch() -> None:
    batch = Batch(4, [1, 2, 3], is_delete=False)
    writer = Writer(0, in_doubt=batch)
    with pytest.raises(Violation, match="half"):
        decide(writer, rows_of(batch, [1, 3]))


@pytest.mark.parametrize("there", [[], [1, 2, 3]])
def test_the_driver_accepts_all_or_nothing_of_a_batch_in_doubt(there: list[int]) -> None:
    batch = Batch(4, [1, 2, 3], is_delete=False)
    writer = Writer(0, in_doubt=batch)
    decide(writer, rows_of(batch, there))
    assert list(writer.acknowledged) == there
