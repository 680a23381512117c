"""The memory budget: shares that add up, follow the budget, and tell what is used."""

from __future__ import annotations

import pytest

from asteroid_cloud.indexer.memory.budget import MemoryBudget
from asteroid_cloud.indexer.memory.share import SHARE_BYTES_MIN
from asteroid_cloud.wal.limits import MIB


@pytest.mark.parametrize("bytes_max", [8 * MIB, 256 * MIB, 4096 * MIB])
def test_the_shares_leave_something_over(bytes_max: int) -> None:
    budget = MemoryBudget(bytes_max)
    log = 4 * budget.log_buffers.commit_bytes_max + budget.log_buffers.follower_bytes_max
    assert log <= budget.log.bytes_max
    shares = [budget.tail, budget.sealing, budget.building, budget.filters, budget.log]
    assert sum(share.bytes_max for share in shares) <= bytes_max * 15 // 16
    assert budget.deletions.bytes_max < budget.tail.bytes_max
    assert budget.columns.bytes_max <= budget.sealing.bytes_max // 4


def test_a_share_is_never_too_small_to_work_with() -> None:
    assert {share.bytes_max for share in MemoryBudget(1).shares} == {SHARE_BYTES_MIN}


def test_a_share_follows_the_budget_and_tells_what_is_used() -> None:
    budget, used = MemoryBudget(8 * MIB), [0]
    budget.filters.measure_with(lambda: used[0])
    assert budget.filters.bytes_max == MIB // 2
    budget.shared.bytes_max, used[0] = 16 * MIB, 7
    assert budget.filters.bytes_max == MIB
    assert budget.use() == {share.name: 0 for share in budget.shares} | {"filters": 7}
