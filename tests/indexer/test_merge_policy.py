"""Which segments are merged, and when none is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import numpy as np
import pytest

from asteroid_cloud.indexer.merge_policy import pick_merge
from asteroid_cloud.indexer.segment import Segment
from asteroid_cloud.indexer.tombstones import Tombstones
from asteroid_cloud.wal.types import Lsn


@dataclass
class Stub:
    """What the policy looks at."""

    number: int
    rows: int
    tombstones: Tombstones = field(default_factory=lambda: Tombstones(100_000))


def pick(*rows: int, rows_max: int = 10**6, is_quiet: bool = False, fan_out: int = 4) -> list[int]:
    segments = cast("list[Segment]", [Stub(number, count) for number, count in enumerate(rows)])
    return [segment.number for segment in pick_merge(segments, Lsn(5), fan_out, rows_max, is_quiet)]


@pytest.mark.parametrize(
    ("rows", "options", "picked"),
    [
        ([], {}, []),
        ([1000], {"is_quiet": True}, []),
        ([1000, 1000, 1000], {}, []),
        ([1000, 1000, 1000, 1000], {}, [0, 1, 2, 3]),
        ([100_000, 1000, 1000, 1000, 1000], {}, [1, 2, 3, 4]),
        ([1000, 1000, 1000, 1000], {"rows_max": 3999}, []),
        ([1000, 1000], {"is_quiet": True}, [0, 1]),
        ([1000, 100], {"is_quiet": True}, []),
        ([1000, 1000], {"is_quiet": True, "rows_max": 1500}, []),
    ],
)
def test_tiers_and_quiet_times(rows: list[int], options: dict[str, int], picked: list[int]) -> None:
    assert pick(*rows, **options) == picked  # type: ignore[arg-type]


def test_a_segment_is_rewritten_for_those_who_were_dead_at_the_base_only() -> None:
    segment = Stub(1, 100)
    segment.tombstones.kill(Lsn(7), np.arange(50, dtype=np.uint32))
    only = cast("list[Segment]", [segment])
    assert pick_merge(only, Lsn(6), 4, 1000, True) == [], "a merge as of record 6 would drop none of them"
    assert pick_merge(only, Lsn(7), 4, 1000, True) == only
