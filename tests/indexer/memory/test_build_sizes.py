"""What is built at a time fits in the share of the budget that it is for."""

from __future__ import annotations

import pytest

from asteroid_cloud.indexer import IndexSpec
from asteroid_cloud.indexer.memory.budget import MemoryBudget
from asteroid_cloud.indexer.memory.build_sizes import BuildSizes


@pytest.mark.parametrize("dim", [3, 384, 4000])
@pytest.mark.parametrize("bits", [8, 16])
def test_what_is_built_at_a_time_fits_in_its_share(dim: int, bits: int) -> None:
    spec, budget = IndexSpec(dim, "l2", bits), MemoryBudget()
    sizes = BuildSizes(budget, links_max=16)
    sealing, building = budget.sealing, budget.building
    assert sizes.build_bytes(spec, sizes.memtable_rows_max(spec), sealing) <= sealing.bytes_max
    for share in (sealing, building):
        at_once = sizes.rows_at_once(spec, share)
        assert sizes.link_rows_max(spec, at_once, share) >= at_once
        assert not sizes.needs_scratch_file(spec, at_once, share)
    for rows in (1, 1000, 100_000, 1_000_000):
        assert 0 < sizes.build_bytes(spec, rows, building) <= building.bytes_max
    assert sizes.build_bytes(spec, 10**8, building) > building.bytes_max, "reported as it is"
