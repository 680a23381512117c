"""Whose share of the memory budget a build uses."""

from __future__ import annotations

from asteroid_cloud.indexer.build.construction import Construction, Work
from asteroid_cloud.indexer.memory.budget import MemoryBudget
from asteroid_cloud.indexer.memory.share import Share
from asteroid_cloud.indexer.native import core


def work(share: Share | None = None, size: int = 7) -> Work:
    return Work("seal", 100, size, 400, core.Progress(lambda: True))


def test_a_large_seal_uses_the_share_for_building_while_nobody_else_does() -> None:
    budget = MemoryBudget()
    construction = Construction(budget)
    assert construction.is_idle
    assert construction.seal_share is budget.building
    with construction.sealing(work, is_large=True) as (_, share):
        assert share is budget.building
        assert (budget.building.used, budget.sealing.used) == (7, 0)
        assert construction.seal_share is budget.sealing
        assert not construction.is_idle
    with construction.queued(work(), lambda: None):
        assert construction.seal_share is budget.sealing
        with construction.sealing(work, is_large=True) as (_, share):
            assert share is budget.sealing
            assert (budget.building.used, budget.sealing.used) == (7, 7)
    with construction.sealing(work, is_large=False) as (_, share):
        assert share is budget.sealing
    assert construction.is_idle
    assert construction.seal_share is budget.building
